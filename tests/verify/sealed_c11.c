/* A client outside the tree: seals a request with nothing but nacre/sealed.h and libnacre-sealed. */
#include <nacre/sealed.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    static const uint8_t data_key[32] = {9}; /* the base point: somebody's key, whoever knows the number 1 */
    static const char body[] = "{}";
    const nacre_sealed_target to = {data_key, "media", "POST", "/process_data"};
    nacre_sealed_exchange exchange;
    size_t size = nacre_sealed_request_size(sizeof body - 1);
    uint8_t *envelope = malloc(size);
    unsigned status = 0;
    const void *answer = NULL;
    size_t answer_size = 0;
    if (!envelope ||
        nacre_sealed_request(&exchange, envelope, &to, 1764370000000u, body, sizeof body - 1) != 0)
        return 1;
    /* what comes back to it is no answer, and taken for none */
    int opened = nacre_sealed_answer(&exchange, envelope, size, &status, &answer, &answer_size);
    nacre_sealed_forget(&exchange);
    free(envelope);
    return opened == -1 ? 0 : 1;
}
