/* Any text as nacre.yaml and as allowed_endpoints.yaml. What is refused is refused with a reason. */
#include "fuzz.h"

#include "yaml_allow.h"
#include "yaml_config.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nacre_allow allow;
    struct nacre_settings settings;
    char why[512] = "";
    const char *text = (const char *)data;
    int err = nacre_yaml_config(&settings, "fuzz.yaml", text, size, why, sizeof why);
    need(err == 0 || err == -ENOMEM || (err == -EINVAL && why[0] != '\0'));
    if (err == 0)
        nacre_settings_free(&settings);
    why[0] = '\0';
    err = nacre_yaml_allow(&allow, "fuzz.yaml", text, size, why, sizeof why);
    need(err == 0 || err == -ENOMEM || (err == -EINVAL && why[0] != '\0'));
    need(allow.n <= NACRE_ENDPOINTS_MAX);
    return 0;
}
