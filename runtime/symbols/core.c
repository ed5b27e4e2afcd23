/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/user.h>

#include "runtime/symbols/symbols.h"

/*
 * A program that called through a bad pointer stands where no code is, and no
 * unwinding begins there.  The call left its return address on top of the stack:
 * in our own copy of the registers the call is taken back, and the stack is
 * followed from the calling instruction.
 */
#define PRSTATUS_REGS 112 /* struct elf_prstatus of x86-64 */

static bool within(const struct mapped *m, uint64_t at, uint64_t n)
{
	return at <= m->n && n <= m->n - at;
}

static const Elf64_Phdr *segments(const struct mapped *m, size_t *n)
{
	Elf64_Ehdr h;

	if (!within(m, 0, sizeof(h)))
		return NULL;
	memcpy(&h, m->p, sizeof(h));
	*n = h.e_phnum;
	if (h.e_phoff % _Alignof(Elf64_Phdr) || h.e_phentsize != sizeof(Elf64_Phdr) ||
	    !within(m, h.e_phoff, *n * sizeof(Elf64_Phdr)))
		return NULL;
	return (const Elf64_Phdr *)(const void *)(m->p + h.e_phoff);
}

static const Elf64_Phdr *segment_at(const struct mapped *m, uint64_t address)
{
	size_t n;
	const Elf64_Phdr *p = segments(m, &n);

	for (size_t i = 0; p && i < n; i++)
		if (p[i].p_type == PT_LOAD && address >= p[i].p_vaddr &&
		    address - p[i].p_vaddr < p[i].p_memsz)
			return &p[i];
	return NULL;
}

/* The registers of the first thread. */
static unsigned char *registers(const struct mapped *m)
{
	size_t n;
	const Elf64_Phdr *p = segments(m, &n);
	Elf64_Nhdr h;

	for (size_t i = 0; p && i < n; i++) {
		const uint64_t at = p[i].p_offset,
			       desc = at + sizeof(h) + 8; /* "CORE" and its end */

		if (p[i].p_type != PT_NOTE)
			continue;
		if (!within(m, at, sizeof(h) + 8 + PRSTATUS_REGS + sizeof(struct user_regs_struct)))
			return NULL;
		memcpy(&h, m->p + at, sizeof(h));
		return h.n_type == NT_PRSTATUS && h.n_namesz == 5 &&
				       h.n_descsz >= PRSTATUS_REGS + sizeof(struct user_regs_struct)
			       ? m->p + desc + PRSTATUS_REGS
			       : NULL;
	}
	return NULL;
}

bool core_take_back(const struct mapped *m)
{
	unsigned char *where = registers(m);
	const Elf64_Phdr *code, *stack;
	struct user_regs_struct regs;
	uint64_t back, at;

	if (!where)
		return false;
	memcpy(&regs, where, sizeof(regs));
	code = segment_at(m, regs.rip);
	stack = segment_at(m, regs.rsp);
	if ((code && (code->p_flags & PF_X)) || !stack)
		return false;
	at = regs.rsp - stack->p_vaddr;
	if (stack->p_filesz < sizeof(back) || at > stack->p_filesz - sizeof(back) ||
	    stack->p_offset > UINT64_MAX - at || !within(m, stack->p_offset + at, sizeof(back)))
		return false;
	memcpy(&back, m->p + stack->p_offset + at, sizeof(back));
	code = segment_at(m, back - 1);
	if (!code || !(code->p_flags & PF_X))
		return false;
	regs.rip = back - 1; /* within the call */
	regs.rsp += sizeof(back);
	memcpy(where, &regs, sizeof(regs));
	return true;
}

int core_map(int fd, struct mapped *out, struct err *e)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "the core");
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd,
		 0);
	if (p == MAP_FAILED)
		return err_sys(e, "map the core");
	*out = (struct mapped){ .p = p, .n = (size_t)st.st_size };
	return 0;
}
