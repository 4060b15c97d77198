/*
 * measure.c - an init that prints what the machine's NSM measured (PCR0, PCR1, PCR2 and PCR8) and restarts. It speaks
 * the NSM's CBOR by hand and shares no code with nacred: what it prints is QEMU's own reading of the image.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define VALUE_LEN 48u

struct nsm_message {
    struct iovec request, response;
};
#define NSM_IOCTL _IOWR(0x0A, 0, struct nsm_message)

static void print_pcr(int fd, uint8_t index)
{
    /* {"DescribePCR": {"index": n}}; the answer ends with the value, 58 30 and 48 bytes, wherever its map has it. */
    uint8_t request[] = "\xa1\x6b"
                        "DescribePCR\xa1\x65"
                        "index\0";
    uint8_t response[0x3000];
    struct nsm_message message = {{request, sizeof request - 1}, {response, sizeof response}};
    request[sizeof request - 2] = index;
    if (ioctl(fd, NSM_IOCTL, &message) < 0) {
        perror("measure: ioctl");
        return;
    }
    const uint8_t *value = memmem(response, message.response.iov_len, "\x58\x30", 2);
    if (!value || (size_t)(value - response) + 2 + VALUE_LEN > message.response.iov_len) {
        (void)puts("measure: no value in the answer");
        return;
    }
    (void)printf("measure: ");
    for (unsigned i = 0; i < VALUE_LEN; i++)
        (void)printf("%02x", value[2 + i]);
    (void)printf(" PCR%u\n", index);
}

int main(void)
{
    (void)mkdir("/dev", 0755);
    (void)mount("dev", "/dev", "devtmpfs", 0, NULL);
    if (!freopen("/dev/console", "w", stdout) || !freopen("/dev/console", "w", stderr))
        return 1;
    int fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        perror("measure: /dev/nsm");
    static const uint8_t indexes[] = {0, 1, 2, 8};
    for (unsigned i = 0; fd >= 0 && i < sizeof indexes; i++)
        print_pcr(fd, indexes[i]);
    (void)puts("measure: done");
    (void)fflush(stdout);
    (void)reboot(RB_AUTOBOOT);
    return 1;
}
