// The public header alone, as C++11.
#include <nacre/verify.h>

int nacre_test_header(nacre_verify_report **report);

int nacre_test_header(nacre_verify_report **report)
{
    nacre_verify_signed response = {};
    response.struct_size = sizeof response;
    return nacre_verify_response(&response, report, nullptr);
}
