/* The public header alone, as strict C11, and the shared library behind it. */
#include <nacre/verify.h>

int main(void)
{
    const uint8_t none[1] = {0};
    nacre_verify_error error = {{0}};
    nacre_verify_signed response = {sizeof response, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    nacre_verify_policy *policy = nacre_verify_policy_new();
    int verdict = policy == NULL ? 0 : nacre_verify_document(none, 0, policy, NULL, &error);
    nacre_verify_policy_free(policy);
    return verdict == NACRE_VERIFY_E_POLICY && error.text[0] != '\0' &&
                   nacre_verify_response(&response, NULL, NULL) == NACRE_VERIFY_REFUSED &&
                   nacre_verify_aws_root().size == 533
               ? 0
               : 1;
}
