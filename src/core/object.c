/* core/object.c - objects and claims: creation, release, destruction by a work list. */
#include "core/object.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/node.h"
#include "core/tensor.h"

static const tni_kind_info *kinds[TNI_KIND_END - TNI_TENSOR];
int32_t tni_live_objects;

void tni_kind_set(tni_kind kind, const tni_kind_info *info) { kinds[kind - TNI_TENSOR] = info; }

const tni_kind_info *tni_kind_get(tni_kind kind) {
    static const tni_kind_info none = {"object", 0, NULL, NULL};
    uint32_t i = (uint32_t)kind - TNI_TENSOR;
    return i < TNI_COUNT(kinds) && kinds[i] ? kinds[i] : &none;
}

void tni_object_destroy_new(tni_thread *t, tni_object *o) {
    tni_claim(o);
    bool outer = t->holding;
    t->holding = false;
    tni_release(o);
    t->holding = outer;
}

void *tni_object_new(tni_thread *t, tni_kind kind, size_t bytes) {
    tni_object *o = tni_slab_take(&t->slabs, bytes);
    if (!o) return NULL;
    o->tag = (uint32_t)kind;
    o->home = t->number;
    tni_count_up(&tni_live_objects);
    return o;
}

static size_t bytes_of(const tni_object *o) {
    if (o->tag != TNI_TENSOR) return 0;
    const tn_tensor *x = (const tn_tensor *)o;
    return x->a.data ? x->a.storage->bytes : 0;
}

static void wait_for_settling(tni_thread *t, tni_object *o) {
    if (o->flags & TNI_WAITING) return;
    o->flags |= TNI_WAITING;
    o->next = t->waiting;
    t->waiting = o;
    t->waiting_count++;
    t->waiting_bytes += bytes_of(o);
}

static void queue_death(tni_thread *t, tni_object *o) {
    if (o->flags & TNI_WAITING) return; /* the list that it stands in decides */
    o->next = t->dying;
    t->dying = o;
    if (!t->holding) tni_drain(t);
}

/* A leaf that only graphs claim loses its gradient, or the two would keep each other alive (rule 8). */
static bool holds_gradient(const tni_object *o) { return o->tag == TNI_TENSOR && tni_tensor_has_grad((const tn_tensor *)o); }

void tni_release_last(tni_object *o) {
    if (o->tag == TNI_FREE) return;
    if (o->claims > 0 && !holds_gradient(o)) return;
    tni_thread *t = tni_self();
    if (!t) return;
    if ((o->flags & TNI_SEEN) && (t->fields > 0 || t->settling))
        wait_for_settling(t, o);
    else if (o->claims == 0)
        queue_death(t, o);
    else
        tni_tensor_drop_grad((tn_tensor *)o);
}

void tni_release_graph(tni_object *o) {
    tni_count_down(&o->graphs);
    tni_release(o);
}

static void destroy(tni_thread *t, tni_object *o) {
    const tni_kind_info *info = tni_kind_get((tni_kind)o->tag);
    if (info->destroy) info->destroy(o);
    o->tag = TNI_FREE;
    o->claims = o->graphs = 0;
    o->scope = t->serial;
    tni_count_down(&tni_live_objects);
    tni_slab_give(&t->slabs, o);
}

void tni_drain(tni_thread *t) {
    bool outer = t->holding;
    t->holding = true;
    while (t->dying || t->dead_nodes) {
        tni_object *o = t->dying;
        if (o) {
            t->dying = o->next;
            destroy(t, o);
        } else {
            tni_node_free_next(t);
        }
    }
    t->holding = outer;
}

/* What the structs of a thread's modules hold outside of the classes' fields: listed once when many objects are judged, as when a model
 * dies. */
typedef struct loose_list {
    tni_addresses set;
    bool wanted, there;
} loose_list;

static bool is_forgotten(tni_thread *t, tni_object *o, loose_list *loose) {
    if (!tni_module_can_forget(o)) return false;
    if (loose->wanted) {
        bool failed = tni_failed();
        loose->there = tni_module_list_loose(t, &loose->set);
        if (!loose->there && !failed) tn_clear_error(); /* it merely takes longer without */
        loose->wanted = false;
    }
    if (loose->there && !tni_addresses_have(&loose->set, tni_handle_of(o))) return false;
    return tni_module_keep_forgotten(t, o);
}

/* One round: what still has no claim dies, unless a struct holds it where no field is named. */
static void judge_waiting(tni_thread *t) {
    enum { MANY = 8 };
    tni_object *list = t->waiting, *later = NULL;
    loose_list loose = {.wanted = t->waiting_count > MANY};
    t->waiting = NULL;
    t->waiting_count = t->waiting_bytes = 0;
    bool outer = t->holding;
    t->holding = true;
    for (int modules_first = 1; modules_first >= 0; modules_first--) {
        for (tni_object *o = list, *next; o; o = next) {
            next = o->next;
            if (modules_first && o->tag != TNI_MODULE) {
                o->next = later;
                later = o;
                continue;
            }
            o->flags &= ~(uint32_t)TNI_WAITING;
            if (o->claims == 0 && !is_forgotten(t, o, &loose))
                queue_death(t, o);
            else if (o->claims > 0 && o->claims <= o->graphs && holds_gradient(o))
                tni_tensor_drop_grad((tn_tensor *)o);
        }
        if (modules_first) { /* a dying module takes its struct along before its parameters are judged */
            tni_drain(t);
            list = later;
        }
    }
    tni_addresses_clear(&loose.set);
    t->holding = outer;
    if (!outer) tni_drain(t);
}

void tni_settle(tni_thread *t) {
    if (t->settling) return;
    t->settling = true;
    tni_module_observe_all(t);
    while (t->waiting) {
        t->user_code_ran = false;
        judge_waiting(t);
        if (t->user_code_ran) tni_module_observe_all(t);
    }
    t->settling = false;
}
