/* serialize/pt.h - torch.save's archives: what a checkpoint needs of their writer. */
#ifndef TNI_PT_H
#define TNI_PT_H
#include "serialize/pickle_write.h"
#include "serialize/zip.h"

/* All that a file will hold; made in one go, so that writing it needs nothing else of the library's objects. */
typedef struct tni_pt_plan {
    tni_pickle_writer pickle;
    char root[256]; /* the folder in the archive: the file's name without its last extension */
} tni_pt_plan;

bool tni_pt_plan_make(tni_pt_plan *p, const char *who, tn_value *v, const char *path);
void tni_pt_plan_clear(tni_pt_plan *p);
/* The bytes of storage k when they do not lie in the storage itself any more; NULL: they do. */
typedef const void *tni_pt_bytes(void *from, size_t k);
bool tni_pt_write(const tni_pt_plan *p, tni_pt_bytes *bytes, void *from, tni_put *put, void *to);
/* Into a file that is replaced as a whole or not at all. */
bool tni_pt_write_file(const tni_pt_plan *p, tni_pt_bytes *bytes, void *from, const char *path);
#endif
