/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <elf.h>
#include <stdint.h>
#include <string.h>

/*
 * A small core of x86-64: a header, a segment of notes and one of memory, which
 * is the first page of the program that crashed.
 */
#define BUILT_PAGE  4096
#define BUILT_AT    0x400000ull
#define BUILT_NOTES 1024 /* bytes, padded with a note of nobody's */

struct built {
	unsigned char bytes[16384];
	size_t n;
	size_t notes; /* where they begin */
	size_t count; /* where NT_FILE counts its mappings */
	size_t page;  /* where the program's first page lies */
};

static inline size_t built_put(struct built *b, const void *p, size_t n)
{
	const size_t at = b->n;

	if (n)
		memcpy(b->bytes + b->n, p, n);
	b->n += n;
	return at;
}

/* Returns where its description begins. */
static inline size_t built_note(struct built *b, const char *name, uint32_t type, const void *desc,
				size_t n)
{
	static const char zero[4];
	const Elf64_Nhdr h = { .n_namesz = (uint32_t)strlen(name) + 1,
			       .n_descsz = (uint32_t)n,
			       .n_type = type };
	size_t at;

	(void)built_put(b, &h, sizeof(h));
	(void)built_put(b, name, h.n_namesz);
	(void)built_put(b, zero, -h.n_namesz & 3);
	at = built_put(b, desc, n);
	(void)built_put(b, zero, -n & 3);
	return at;
}

static inline void built_notes(struct built *b, int signal)
{
	char status[336] = { 0 }, info[128] = { 0 }, ps[136] = { 0 }, fill[BUILT_NOTES] = { 0 };
	const uint64_t auxv[] = { 9, BUILT_AT + 16, 0, 0 };
	struct {
		uint64_t count, page, map[3][3];
		char names[80];
	} files = { 3,
		    BUILT_PAGE,
		    { { BUILT_AT, BUILT_AT + BUILT_PAGE, 0 },
		      { BUILT_AT + BUILT_PAGE, BUILT_AT + 2 * BUILT_PAGE, 1 },
		      { 0x7f0000000000, 0x7f0000001000, 0 } },
		    "/srv/shop/shopd (deleted)\0/srv/shop/shopd (deleted)\0/usr/lib/libc.so.6" };
	const size_t from = b->n;

	status[12] = (char)signal;
	info[0] = (char)signal;
	info[8] = 1; /* SEGV_MAPERR, at address 0 */
	memcpy(ps + 40, "shopd", 6);
	memcpy(ps + 56, "shopd --password hunter2", 25);
	(void)built_note(b, "CORE", NT_PRSTATUS, status, sizeof(status));
	(void)built_note(b, "CORE", NT_PRPSINFO, ps, sizeof(ps));
	(void)built_note(b, "CORE", NT_SIGINFO, info, sizeof(info));
	(void)built_note(b, "CORE", NT_AUXV, auxv, sizeof(auxv));
	b->count = built_note(b, "CORE", NT_FILE, &files, sizeof(files));
	(void)built_note(b, "NOBODY", 1, fill, BUILT_NOTES - (b->n - from) - 20);
}

static inline void built_page(struct built *b)
{
	unsigned char page[BUILT_PAGE] = { 0 };
	Elf64_Ehdr h = { .e_phoff = sizeof(h), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 };
	const Elf64_Phdr note = { .p_type = PT_NOTE, .p_offset = 256, .p_filesz = 36 };
	const Elf64_Nhdr id = { .n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID };

	memcpy(h.e_ident, ELFMAG, SELFMAG);
	memcpy(page, &h, sizeof(h));
	memcpy(page + sizeof(h), &note, sizeof(note));
	memcpy(page + 256, &id, sizeof(id));
	memcpy(page + 268, "GNU", 4);
	for (unsigned char i = 0; i < 20; i++)
		page[272 + i] = (unsigned char)(i * 11);
	b->page = built_put(b, page, sizeof(page));
}

static inline void built_core(struct built *b, int signal)
{
	Elf64_Ehdr h = { .e_type = ET_CORE,
			 .e_machine = EM_X86_64,
			 .e_phoff = sizeof(h),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 2 };
	Elf64_Phdr p[2] = { { .p_type = PT_NOTE }, { .p_type = PT_LOAD } };

	*b = (struct built){ 0 };
	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = ELFCLASS64;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	(void)built_put(b, &h, sizeof(h));
	(void)built_put(b, p, sizeof(p));
	b->notes = b->n;
	built_notes(b, signal);
	p[0].p_offset = b->notes;
	p[0].p_filesz = b->n - b->notes;
	p[1].p_offset = b->n;
	p[1].p_vaddr = BUILT_AT;
	p[1].p_filesz = p[1].p_memsz = BUILT_PAGE;
	built_page(b);
	memcpy(b->bytes + sizeof(h), p, sizeof(p));
}
