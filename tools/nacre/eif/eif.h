/*
 * eif.h - the enclave image file, version 4, as AWS's build tools write it and the hypervisor measures it.
 *
 * A header of 548 bytes, then sections, each behind a header of 12 bytes; all integers big endian. Order:
 * kernel, command line, metadata, ramdisks, signature. The CRC covers everything but its own four bytes.
 */
#ifndef NACRE_EIF_EIF_H
#define NACRE_EIF_EIF_H

#include "blob.h"

#include <common/digest.h>

#define NACRE_EIF_HEADER         548u
#define NACRE_EIF_SECTION_HEADER 12u
#define NACRE_EIF_VERSION        4u
#define NACRE_EIF_SECTIONS_MAX   32u
#define NACRE_EIF_FLAG_ARM64     1u
#define NACRE_EIF_FILE_MAX       ((size_t)2 << 30) /* bytes of an image that is read or written */
#define NACRE_EIF_CMDLINE_MAX    2047u             /* what an x86-64 kernel takes */

/* Where the header's fields are. */
#define NACRE_EIF_AT_VERSION  4u
#define NACRE_EIF_AT_FLAGS    6u
#define NACRE_EIF_AT_MEMORY   8u
#define NACRE_EIF_AT_CPUS     16u
#define NACRE_EIF_AT_RESERVED 24u
#define NACRE_EIF_AT_COUNT    26u
#define NACRE_EIF_AT_OFFSETS  28u
#define NACRE_EIF_AT_SIZES    284u
#define NACRE_EIF_AT_UNUSED   540u
#define NACRE_EIF_AT_CRC      544u

enum nacre_eif_type {
    NACRE_EIF_KERNEL = 1,
    NACRE_EIF_CMDLINE,
    NACRE_EIF_RAMDISK,
    NACRE_EIF_SIGNATURE,
    NACRE_EIF_METADATA,
};

struct nacre_eif_section {
    uint16_t type;
    uint64_t offset; /* of its data in the file, behind its header; 0 when it comes from a file of its own */
    const uint8_t *data; /* borrowed */
    size_t size;
};

struct nacre_eif {
    uint16_t flags;
    uint64_t memory; /* bytes, a default for the launch */
    uint64_t cpus;
    uint32_t crc;          /* as the header says */
    uint32_t computed_crc; /* over the bytes that are there */
    unsigned count;
    struct nacre_eif_section sections[NACRE_EIF_SECTIONS_MAX];
};

/* "kernel", "ramdisk" and so on. */
const char *nacre_eif_type_name(uint16_t type);

/* "x86_64" or "aarch64". */
const char *nacre_eif_arch_name(uint16_t flags);

/* The first section of a type, or NULL. */
const struct nacre_eif_section *nacre_eif_find(const struct nacre_eif *eif, uint16_t type);

/* Ramdisk i, or NULL. */
const struct nacre_eif_section *nacre_eif_ramdisk(const struct nacre_eif *eif, unsigned i);

/*
 * nacre_eif_read - take data[0..len) apart. The sections borrow from it. Everything but the CRC is checked:
 * each number against the file's size, the table against the section headers, order and number of sections,
 * fields that must be 0. Returns 0, or -EBADMSG with `why` = what is wrong, at which offset, with both
 * values; *out is untouched then.
 */
int nacre_eif_read(struct nacre_eif *out, const uint8_t *data, size_t len, char *why, size_t why_len);

/*
 * nacre_eif_check_order - the rule for the sections: one kernel, one command line, at most one metadata, one
 * ramdisk or more, at most one signature, in this order. 0, or -EBADMSG with `why` filled.
 */
int nacre_eif_check_order(const struct nacre_eif *eif, char *why, size_t why_len);

/*
 * nacre_eif_check_kernel - is the kernel one for the architecture of the flags (a bzImage with the setup
 * header's magic for x86-64, an Image with "ARM\x64" for arm64)? 0, or -EBADMSG with `why` filled.
 */
int nacre_eif_check_kernel(const struct nacre_eif_section *kernel, uint16_t flags, char *why, size_t why_len);

/* What the kernel's own header says it is: 0 and *flags, or -EBADMSG with `why` filled. */
int nacre_eif_kernel_arch(uint16_t *flags, const uint8_t *data, size_t size, char *why, size_t why_len);

/* The version a bzImage carries ("6.12.90"), terminated, "Unknown" when there is none. */
void nacre_eif_kernel_version(char *out, size_t room, const uint8_t *data, size_t size);

/*
 * nacre_eif_write - the image of eif's flags, memory, cpus and sections (in their order) at the end of *out,
 * which must be empty. Offsets and the CRC are made here. 0, -ENOMEM, or -EFBIG with `why` filled.
 */
int nacre_eif_write(struct nacre_blob *out, const struct nacre_eif *eif, char *why, size_t why_len);

/*
 * Measurements. Each is SHA384(48 zero bytes || SHA384(data)): PCR0 over kernel, command line and all
 * ramdisks; PCR1 over kernel, command line and the first ramdisk; PCR2 over the other ramdisks; PCR8 over the
 * signing certificate's DER.
 */
struct nacre_eif_pcrs {
    uint8_t pcr0[NACRE_SHA384_LEN], pcr1[NACRE_SHA384_LEN], pcr2[NACRE_SHA384_LEN], pcr8[NACRE_SHA384_LEN];
    bool has_pcr8;
};

/* PCR0, PCR1 and PCR2 of an image; PCR8 is nacre_eif_signature_read's. 0 or -ENOMEM. */
int nacre_eif_measure(struct nacre_eif_pcrs *out, const struct nacre_eif *eif);

/* One measurement over one piece of data. */
void nacre_eif_measure_data(uint8_t out[NACRE_SHA384_LEN], const void *data, size_t len);

#endif
