/* base/addresses.c - a set of addresses. */
#include "base/addresses.h"
#include "base/memory.h"

static size_t place(const tni_addresses *set, uintptr_t key) {
    size_t at = (key >> 5) * 0x9E3779B97F4A7C15u >> 20 & set->mask;
    while (set->key[at] && set->key[at] != key) at = (at + 1) & set->mask;
    return at;
}

static bool grow(tni_addresses *set) {
    tni_addresses old = *set;
    set->mask = old.key ? old.mask * 4 + 3 : 63;
    set->key = tni_alloc_zero((set->mask + 1) * sizeof *set->key);
    if (!set->key) {
        *set = old;
        return false;
    }
    for (size_t i = 0; old.key && i <= old.mask; i++)
        if (old.key[i]) set->key[place(set, old.key[i])] = old.key[i];
    if (old.key) tni_free(old.key, (old.mask + 1) * sizeof *old.key);
    return true;
}

tni_address_answer tni_addresses_add(tni_addresses *set, const void *what) {
    if ((!set->key || set->n * 2 > set->mask) && !grow(set)) return TNI_ADDRESS_NO_MEMORY;
    size_t at = place(set, (uintptr_t)what);
    if (set->key[at]) return TNI_ADDRESS_THERE;
    set->key[at] = (uintptr_t)what;
    set->n++;
    return TNI_ADDRESS_NEW;
}

bool tni_addresses_have(const tni_addresses *set, const void *what) { return set->key && set->key[place(set, (uintptr_t)what)]; }

void tni_addresses_clear(tni_addresses *set) {
    if (set->key) tni_free(set->key, (set->mask + 1) * sizeof *set->key);
    *set = (tni_addresses){0};
}
