/* core/text.h - the printed text of objects. */
#ifndef TNI_TEXT_H
#define TNI_TEXT_H
#include "core/tensor.h"

void tni_tensor_text(tni_object *o, tni_str *out);
void tni_module_text(tni_object *o, tni_str *out);
void tni_object_text(tni_object *o, tni_str *out); /* by its kind */
/* What was written becomes the thread's text, which lives until its next one. */
const char *tni_lend_text(tni_thread *t, tni_str *s);
#endif
