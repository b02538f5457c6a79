/* tensor/device.c - the names of devices, and what is said where there is no memory. */
#include "tensor/device.h"
#include "base/error.h"
#include <string.h>

/* All that torch knows by name; the first two are here. */
static const char *const names[] = {"cpu", "meta", "cuda", "ipu",    "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip",
                                    "ve",  "fpga", "maia", "vulkan", "xla", "lazy",   "mps",    "hpu",    "mtia",  "privateuseone"};
enum { HERE = 2 };

const char *tni_device_name(int8_t device) { return names[device == TNI_META]; }

static bool is_index(const char *text) { return *text && strspn(text, "0123456789") == strlen(text); }

bool tni_device_parse(const char *text, int8_t other, int8_t *device) {
    *device = other;
    if (!text) return true;
    TNI_CHECK(*text, TN_ERR_RUNTIME, "Device string must not be empty");
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < TNI_COUNT(names); i++) {
        if (strlen(names[i]) != length || memcmp(text, names[i], length) != 0) continue;
        TNI_CHECK(!text[length] || is_index(text + length + 1), TN_ERR_RUNTIME, "Invalid device string: '%s'", text);
        TNI_CHECK(i < HERE, TN_ERR_NOT_IMPLEMENTED, "Tison has the devices cpu and meta, not '%s'", text);
        *device = (int8_t)i;
        return true;
    }
    return tni_fail(
        TN_ERR_RUNTIME,
        "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, mps, "
        "meta, hpu, mtia, privateuseone device type at start of device string: %s",
        text);
}

bool tni_refuse_no_data(void) { return tni_fail(TN_ERR_NOT_IMPLEMENTED, "Cannot copy out of meta tensor; no data!"); }

bool tni_refuse_values(int8_t device) {
    if (device == TNI_META) return tni_refuse_no_data();
    return tni_fail(TN_ERR_RUNTIME, "Cannot access data pointer of Tensor that doesn't have storage");
}
