/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/core.h"
#include "runtime/decode/decode_formats.h"

/*
 * A core as the Linux kernel writes it (fs/binfmt_elf.c): what ended the
 * program, and which files it had mapped, each with its build id where the
 * kernel dumped its first page.  Of the memory nothing is read but those pages;
 * of the notes not the registers and not the command line.
 *
 * The layouts below are those of x86-64: struct elf_prstatus and elf_prpsinfo
 * (linux/elfcore.h), siginfo_t, NT_FILE (fs/binfmt_elf.c, fill_files_note()).
 */
#define SEGMENTS_MAX 65536u
#define NOTES_MAX    (16u << 20) /* bytes of one segment of notes */
#define MODULES_MAX  1024u
#define THREADS_MAX  100000u

/* offsets */
enum {
	PRSTATUS_CURSIG = 12,
	PRSTATUS_LEAST = 112,
	PRPSINFO_FNAME = 40,
	SIGINFO_CODE = 8,
	SIGINFO_ADDR = 16,
	SIGINFO_LEAST = 24,
	FILE_HEAD = 16,
	FILE_ENTRY = 24
};

static int refuse(struct err *e, const struct core *c, uint64_t at, const char *why)
{
	return err_set(e, EBADMSG, "%s: byte %llu: %s", c->name, (unsigned long long)at, why);
}

static bool read_at(const struct core *c, uint64_t at, void *to, size_t n)
{
	return at <= c->size && n <= c->size - at && pread(c->fd, to, n, (off_t)at) == (ssize_t)n;
}

static uint64_t word(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static int half(const char *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* ---- header and segments ---- */

static int check_header(const struct core *c, const Elf64_Ehdr *h, struct err *e)
{
	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		return refuse(e, c, EI_CLASS, "not of 64 bits: only x86-64 is read");
	if (h->e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(e, c, EI_DATA, "not little-endian: only x86-64 is read");
	if (h->e_machine != EM_X86_64)
		return err_set(e, EBADMSG, "%s: byte %zu: of machine %u: only x86-64 (62) is read",
			       c->name, offsetof(Elf64_Ehdr, e_machine), h->e_machine);
	if (h->e_type != ET_CORE)
		return refuse(e, c, offsetof(Elf64_Ehdr, e_type),
			      "a program or library, not a core");
	if (h->e_phentsize != sizeof(Elf64_Phdr))
		return refuse(e, c, offsetof(Elf64_Ehdr, e_phentsize),
			      "its program headers have another size");
	return 0;
}

/* More than 65,534 segments are counted in the first section header. */
static int segments_count(struct core *c, const Elf64_Ehdr *h, struct err *e)
{
	Elf64_Shdr first;

	c->n_segments = h->e_phnum;
	if (h->e_phnum == PN_XNUM) {
		if (!read_at(c, h->e_shoff, &first, sizeof(first)))
			return refuse(e, c, h->e_shoff, "the number of its segments is missing");
		c->n_segments = first.sh_info;
	}
	if (c->n_segments == 0 || c->n_segments > SEGMENTS_MAX)
		return err_set(e, EBADMSG, "%s: %zu segments; 1 to %u are read", c->name,
			       c->n_segments, SEGMENTS_MAX);
	return 0;
}

static int read_segments(struct core *c, struct err *e)
{
	char magic[SELFMAG];
	Elf64_Ehdr h;
	int r;

	if (!read_at(c, 0, magic, sizeof(magic)) || memcmp(magic, ELFMAG, SELFMAG) != 0)
		return refuse(e, c, 0, "not an ELF file");
	if (!read_at(c, 0, &h, sizeof(h)))
		return refuse(e, c, c->size, "ends within its header");
	r = check_header(c, &h, e);
	if (r == 0)
		r = segments_count(c, &h, e);
	if (r < 0)
		return r;
	c->segments = calloc(c->n_segments, sizeof(*c->segments));
	if (!c->segments)
		return err_set(e, ENOMEM, "%s: out of memory", c->name);
	if (!read_at(c, h.e_phoff, c->segments, c->n_segments * sizeof(*c->segments)))
		return refuse(e, c, h.e_phoff, "ends within its program headers");
	return 0;
}

/* What the headers promise and the file does not hold: it was cut. */
static void count_missing(struct core *c)
{
	for (size_t i = 0; i < c->n_segments; i++) {
		const Elf64_Phdr *p = &c->segments[i];
		const uint64_t there = p->p_offset < c->size ? c->size - p->p_offset : 0;

		if (p->p_type == PT_LOAD && p->p_filesz > there &&
		    __builtin_add_overflow(c->missing, p->p_filesz - there, &c->missing))
			c->missing = UINT64_MAX;
	}
}

/* Memory as the core has it: n bytes from an address, all in one segment. */
static bool memory(const struct core *c, uint64_t address, void *to, size_t n)
{
	for (size_t i = 0; i < c->n_segments; i++) {
		const Elf64_Phdr *p = &c->segments[i];

		if (p->p_type == PT_LOAD && address >= p->p_vaddr &&
		    address - p->p_vaddr < p->p_filesz)
			return n <= p->p_filesz - (address - p->p_vaddr) &&
			       p->p_offset <= UINT64_MAX - (address - p->p_vaddr) &&
			       read_at(c, p->p_offset + (address - p->p_vaddr), to, n);
	}
	return false;
}

/* ---- notes ---- */

static void take_status(struct core *c, const char *p, size_t n)
{
	int16_t cursig;

	if (n < PRSTATUS_LEAST || c->threads++ > 0) /* the first thread is the one that was hit */
		return;
	memcpy(&cursig, p + PRSTATUS_CURSIG, sizeof(cursig));
	c->signal = cursig > 0 ? (unsigned)cursig : 0;
}

static void take_info(struct core *c, const char *p, size_t n)
{
	if (n < SIGINFO_LEAST || c->have_info)
		return;
	c->have_info = true;
	c->code = half(p + SIGINFO_CODE);
	c->address = word(p + SIGINFO_ADDR);
}

static void take_program(struct core *c, const char *p, size_t n)
{
	if (n >= PRPSINFO_FNAME + CORE_PROGRAM_LEN)
		memcpy(c->program, p + PRPSINFO_FNAME, CORE_PROGRAM_LEN);
}

static void take_entry(struct core *c, const char *p, size_t n)
{
	for (; n >= 16; p += 16, n -= 16)
		if (word(p) == AT_ENTRY)
			c->entry = word(p + 8);
}

/* What the kernel appends to a file that is no longer where it was. */
static size_t without_deleted(const char *path, size_t n)
{
	static const char mark[] = " (deleted)";
	const size_t k = sizeof(mark) - 1;

	return n > k && memcmp(path + n - k, mark, k) == 0 ? n - k : n;
}

/* Another mapping of the same copy of a file. */
static bool goes_on(const struct core_module *m, const char *path, size_t n, uint64_t page)
{
	return m->path_len == n && memcmp(m->path, path, n) == 0 && (page != 0 || !m->whole);
}

/* Mappings of one file stand one after the other. */
static void add_mapping(struct core *c, char *path, size_t n, const char *entry)
{
	const uint64_t start = word(entry), end = word(entry + 8), page = word(entry + 16);

	if (c->n_modules && goes_on(&c->modules[c->n_modules - 1], path, n, page)) {
		c->modules[c->n_modules - 1].end = end;
		return;
	}
	if (n == 0 || path[0] != '/')
		return;
	if (c->n_modules == MODULES_MAX) {
		c->more_modules = true;
		return;
	}
	c->modules[c->n_modules++] = (struct core_module){
		.path = path, .path_len = n, .start = start, .end = end, .whole = page == 0
	};
}

/* Count and page size; for each mapping start, end and page within the file; then their names. */
static int take_files(struct core *c, char *p, size_t n, struct err *e)
{
	const uint64_t count = n >= FILE_HEAD ? word(p) : 0;
	const char *entry = p + FILE_HEAD;
	char *name, *const end = p + n;

	if (c->modules || n < FILE_HEAD)
		return 0;
	if (count > (n - FILE_HEAD) / FILE_ENTRY)
		return err_set(e, EBADMSG,
			       "%s: NT_FILE counts %llu mappings and has no room for them", c->name,
			       (unsigned long long)count);
	c->modules = calloc(MODULES_MAX, sizeof(*c->modules));
	if (!c->modules)
		return err_set(e, ENOMEM, "%s: out of memory", c->name);
	name = p + FILE_HEAD + count * FILE_ENTRY;
	for (uint64_t i = 0; i < count && name < end; i++, entry += FILE_ENTRY) {
		const size_t len = strnlen(name, (size_t)(end - name));

		add_mapping(c, name, without_deleted(name, len), entry);
		name += len < (size_t)(end - name) ? len + 1 : len;
	}
	return 0;
}

static int take_note(struct core *c, const Elf64_Nhdr *h, char *p, struct err *e)
{
	switch (h->n_type) {
	case NT_PRSTATUS:
		take_status(c, p, h->n_descsz);
		return 0;
	case NT_PRPSINFO:
		take_program(c, p, h->n_descsz);
		return 0;
	case NT_AUXV:
		take_entry(c, p, h->n_descsz);
		return 0;
	case NT_SIGINFO:
		take_info(c, p, h->n_descsz);
		return 0;
	case NT_FILE:
		return take_files(c, p, h->n_descsz, e);
	default:
		return 0;
	}
}

/* The next note of n bytes at p: its parts, and what it takes; 0: there is none. */
static size_t next_note(char *p, size_t n, Elf64_Nhdr *h, char **name, char **desc)
{
	size_t at = sizeof(*h), name_end, desc_end;

	if (n < sizeof(*h))
		return 0;
	memcpy(h, p, sizeof(*h));
	name_end = at + (((size_t)h->n_namesz + 3) & ~(size_t)3);
	desc_end = name_end + (((size_t)h->n_descsz + 3) & ~(size_t)3);
	if (name_end > n || name_end + h->n_descsz > n)
		return 0;
	*name = p + at;
	*desc = p + name_end;
	return desc_end > n ? n : desc_end;
}

static int read_notes(struct core *c, const Elf64_Phdr *seg, struct buf *notes, struct err *e)
{
	Elf64_Nhdr h;
	char *name, *desc, *p;
	size_t left, took;

	if (seg->p_filesz > NOTES_MAX)
		return err_set(e, EFBIG, "%s: %llu bytes of notes; at most %u are read", c->name,
			       (unsigned long long)seg->p_filesz, NOTES_MAX);
	notes->p = malloc(seg->p_filesz + 1);
	if (!notes->p)
		return err_set(e, ENOMEM, "%s: out of memory", c->name);
	notes->n = seg->p_filesz;
	if (!read_at(c, seg->p_offset, notes->p, notes->n))
		return refuse(e, c, seg->p_offset, "ends within its notes");
	p = notes->p;
	for (left = notes->n; (took = next_note(p, left, &h, &name, &desc));
	     p += took, left -= took) {
		const bool own = h.n_namesz == 5 && memcmp(name, "CORE", 5) == 0;

		if (own && take_note(c, &h, desc, e) < 0)
			return -e->code;
	}
	return c->threads <= THREADS_MAX ? 0 : refuse(e, c, seg->p_offset, "too many threads");
}

/* ---- build ids ---- */

static void find_id(char *notes, size_t n, char out[2 * CORE_ID_MAX + 1])
{
	Elf64_Nhdr h;
	char *name, *desc;
	size_t took;

	for (; (took = next_note(notes, n, &h, &name, &desc)); notes += took, n -= took) {
		if (h.n_type != NT_GNU_BUILD_ID || h.n_namesz != 4 || memcmp(name, "GNU", 4) != 0 ||
		    h.n_descsz > CORE_ID_MAX)
			continue;
		for (size_t i = 0; i < h.n_descsz; i++)
			(void)snprintf(out + 2 * i, 3, "%02x", (unsigned char)desc[i]);
		return;
	}
}

/* The first page of a mapped object holds its headers, and its notes where the linker put them
 * there. */
static void read_id(const struct core *c, struct core_module *m)
{
	char page[CORE_PAGE];
	Elf64_Ehdr h;

	if (!m->whole || !memory(c, m->start, page, sizeof(page)))
		return;
	memcpy(&h, page, sizeof(h));
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_phentsize != sizeof(Elf64_Phdr))
		return;
	for (size_t i = 0; i < h.e_phnum && !*m->id; i++) {
		const uint64_t at = h.e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr p;

		if (h.e_phoff > CORE_PAGE || at + sizeof(p) > CORE_PAGE)
			return;
		memcpy(&p, page + at, sizeof(p));
		if (p.p_type == PT_NOTE && p.p_offset < CORE_PAGE &&
		    p.p_filesz <= CORE_PAGE - p.p_offset)
			find_id(page + p.p_offset, p.p_filesz, m->id);
	}
}

static int read_core(struct core *c, json_t **out, struct err *e)
{
	AUTO_BUF struct buf notes = BUF_INIT(NOTES_MAX);
	const Elf64_Phdr *seg = NULL;
	int r;

	r = read_segments(c, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_segments && !seg; i++)
		if (c->segments[i].p_type == PT_NOTE)
			seg = &c->segments[i];
	if (!seg)
		return err_set(e, EBADMSG, "%s: it has no notes", c->name);
	r = read_notes(c, seg, &notes, e);
	if (r < 0)
		return r;
	count_missing(c);
	for (size_t i = 0; i < c->n_modules; i++)
		read_id(c, &c->modules[i]);
	return core_tell(c, out, e);
}

int core_decode(int fd, const char *name, json_t **out, struct err *e)
{
	struct core c = { .name = name, .fd = fd };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: a core is read from a file", name);
	c.size = (uint64_t)st.st_size;
	r = read_core(&c, out, e);
	free(c.segments);
	free(c.modules);
	return r;
}
