/*
 * More than 20,000 damaged documents, none of them accepted by the laxest policy there is: signature only, debug
 * allowed, at the document's own time. The same ones in every run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "mutate.h"
#include "support.h"

#define MUTANTS_PER_KIND 1100u
#define SAMPLES_MAX      20u
#define SEED             UINT64_C(0x6e61637265)

static struct sample samples[SAMPLES_MAX];
static size_t sample_count;
static nacre_verify_policy *policies[SAMPLES_MAX];

/* A document that verifies, or the mutants would prove nothing. */
static void add_sample(const char *file, const char *root)
{
    struct case_line line = {.allow_debug = true};
    size_t size = 0;
    nacre_verify_doc *doc = NULL;
    nacre_verify_error error = {.text = ""};
    uint8_t *bytes = read_file(file, &size);
    (void)snprintf(line.root, sizeof line.root, "%s", root);
    nacre_verify_policy *policy = policy_of(&line);
    nacre_verify_policy_at_document(policy);
    if (sample_count == SAMPLES_MAX || nacre_verify_doc_parse(bytes, size, &doc, &error) != NACRE_VERIFY_OK ||
        nacre_verify_document(bytes, size, policy, NULL, &error) != NACRE_VERIFY_OK) {
        (void)fprintf(stderr, "%s does not verify: %s\n", file, error.text);
        exit(EXIT_FAILURE);
    }
    policies[sample_count] = policy;
    samples[sample_count++] = sample_of(doc);
    free(bytes);
}

static void add_samples(void)
{
    struct case_list shared = read_cases("shared.list");
    for (size_t i = 0; i < shared.count; i++) {
        if (shared.line[i].verified) {
            add_sample(shared.line[i].file, "-");
        }
    }
    free(shared.line);
    if (sample_count == 0) {
        (void)printf("SKIPPED: no ../shared/vectors/attestation, only documents of our own are mutated\n");
    }
    add_sample("good.cbor", "root.pem");
    add_sample("good-16-pcrs-indefinite.cbor", "root.pem");
    add_sample("good-32-pcrs.cbor", "root.pem");
    add_sample("good-root-and-leaf.cbor", "short.pem");
}

static void refused(const uint8_t *bytes, size_t size, const nacre_verify_policy *policy, const char *what,
                    size_t n)
{
    /* An exact copy, so that ASan sees the first byte read past the end. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    int verdict = nacre_verify_document(exact, size, policy, NULL, NULL);
    free(exact);
    ck_assert_msg(verdict == NACRE_VERIFY_REFUSED, "%s, mutant %zu: verdict %d", what, n, verdict);
}

static void mutate_with(const struct mutation *mutation, uint64_t seed)
{
    struct random random = {.state = SEED + seed};
    struct mutant *mutant = malloc(sizeof *mutant);
    size_t made = 0;
    ck_assert_ptr_nonnull(mutant);
    for (size_t tries = 0; made < MUTANTS_PER_KIND; tries++) {
        size_t one = random_below(&random, sample_count);
        size_t other = random_below(&random, sample_count);
        ck_assert_msg(tries < (size_t)20 * MUTANTS_PER_KIND, "%s changes too little", mutation->name);
        if (mutation->mutate(&random, &samples[one], &samples[other], mutant)) {
            refused(mutant->data, mutant->size, policies[one], mutation->name, made);
            made++;
        }
    }
    free(mutant);
}

START_TEST(mutated_bytes)
{
    mutate_with(&byte_mutations[_i], (uint64_t)_i);
}
END_TEST

START_TEST(mutated_parts)
{
    mutate_with(&part_mutations[_i], 100 + (uint64_t)_i);
}
END_TEST

/* The parts are put together right: taken from the document itself they make the document again. */
START_TEST(own_parts_change_nothing)
{
    static const char *const names[] = {"splice a signature", "splice a payload", "swap the leaf",
                                        "take entries of another"};
    struct random random = {.state = SEED};
    struct mutant *mutant = malloc(sizeof *mutant);
    size_t found = 0;
    ck_assert_ptr_nonnull(mutant);
    for (size_t i = 0; i < part_mutation_count * sample_count; i++) {
        const struct mutation *mutation = &part_mutations[i / sample_count];
        const struct sample *sample = &samples[i % sample_count];
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
            if (strcmp(mutation->name, names[n]) == 0) {
                ck_assert_msg(!mutation->mutate(&random, sample, sample, mutant), "%s", names[n]);
                found++;
            }
        }
    }
    ck_assert_uint_eq(found, sizeof names / sizeof names[0] * sample_count);
    free(mutant);
}
END_TEST

/* Not a sample but all of them, for the smallest document. */
START_TEST(every_bit_flipped)
{
    const nacre_verify_doc *doc = samples[sample_count - 1].doc;
    for (size_t i = (size_t)_i * doc->size / 8; i < (size_t)(_i + 1) * doc->size / 8; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            doc->bytes[i] ^= (uint8_t)(1u << bit);
            refused(doc->bytes, doc->size, policies[sample_count - 1], "bit flipped", 8 * i + bit);
            doc->bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
}
END_TEST

START_TEST(every_length_cut)
{
    const nacre_verify_doc *doc = samples[0].doc;
    for (size_t size = 0; size < doc->size; size++) {
        refused(doc->bytes, size, policies[0], "cut", size);
    }
}
END_TEST

START_TEST(there_are_enough)
{
    ck_assert_uint_ge((byte_mutation_count + part_mutation_count) * MUTANTS_PER_KIND, 20000);
    ck_assert_uint_ge(sample_count, 4);
}
END_TEST

int main(void)
{
    add_samples();
    Suite *suite = suite_create("mutants");
    TCase *tcase = tcase_create("mutants");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, there_are_enough);
    tcase_add_test(tcase, own_parts_change_nothing);
    tcase_add_loop_test(tcase, mutated_bytes, 0, (int)byte_mutation_count);
    tcase_add_loop_test(tcase, mutated_parts, 0, (int)part_mutation_count);
    tcase_add_loop_test(tcase, every_bit_flipped, 0, 8);
    tcase_add_test(tcase, every_length_cut);
    suite_add_tcase(suite, tcase);
    int status = run_suite(suite);
    for (size_t i = 0; i < sample_count; i++) {
        nacre_verify_doc_free((nacre_verify_doc *)(uintptr_t)samples[i].doc);
        nacre_verify_policy_free(policies[i]);
    }
    return status;
}
