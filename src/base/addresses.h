/* base/addresses.h - a set of addresses: what was seen already. Zeroed it is empty. */
#ifndef TNI_ADDRESSES_H
#define TNI_ADDRESSES_H
#include "base/base.h"

typedef struct tni_addresses {
    uintptr_t *key; /* open-addressed, at most half full; 0: free */
    size_t n, mask;
} tni_addresses;

typedef enum { TNI_ADDRESS_NEW, TNI_ADDRESS_THERE, TNI_ADDRESS_NO_MEMORY } tni_address_answer;

tni_address_answer tni_addresses_add(tni_addresses *set, const void *what); /* not NULL */
bool tni_addresses_have(const tni_addresses *set, const void *what);
void tni_addresses_clear(tni_addresses *set);
#endif
