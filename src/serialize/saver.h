/* serialize/saver.h - a thread that writes a file while the program goes on. */
#ifndef TNI_SAVER_H
#define TNI_SAVER_H
#include "serialize/pt.h"
#include <tison/serialize.h>

/* Takes over the plan (which is empty afterwards): copies the storages' bytes and lets a thread write them to the path. Waits for the
 * save before, whose error becomes this call's. */
bool tni_saver_start(struct tn_saver *s, tni_pt_plan *plan, const char *path);
#endif
