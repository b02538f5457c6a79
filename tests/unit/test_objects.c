/* Claims and scopes: each rule of the object model (docs/object-model.md). */
#include "support.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    tn_module module;
    tn_tensor *weight, *state;
} cell;
static tn_tensor *cell_forward(cell *self, tn_tensor *x) {
    self->state = tn_tanh(tn_add(tn_mul(x, self->weight), self->state));
    self->state = tn_mul(self->state, 0.5);
    return tn_add(self->state, 1);
}
TN_CLASS(cell, cell_forward, weight, state);

static cell *cell_new(void) {
    cell *self = tn_new(cell);
    self->weight = tn_parameter(tn_ones(3));
    self->state = tn_zeros(3);
    return self;
}

typedef struct pair {
    tn_module module;
    cell *first, *second;
    struct pair *other;
} pair;
static tn_tensor *pair_forward(pair *self, tn_tensor *x) { return tn_forward(self->second, tn_forward(self->first, x)); }
TN_CLASS(pair, pair_forward, first, second, other);

/* ---- rule 1: a call gives the innermost scope a claim ---- */

static void scope_frees_what_it_made(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        tn_tensor *x = tn_add(tn_ones((2, 3)), tn_ones(3));
        CHECK(tn_item(tn_sum(x)) == 12);
        CHECK(live_objects() > before);
    }
    CHECK_EQ_INT(live_objects(), before);
}

static void one_claim_per_scope_and_object(void) {
    TN_SCOPE;
    tn_tensor *w = tn_parameter(tn_ones(3));
    tn_backward(tn_sum(tn_mul(w, 2)));
    tn_tensor *g = tn_grad(w);
    for (int i = 0; i < 1000; i++) CHECK(tn_grad(w) == g);
    CHECK(tn_free(g)); /* the scope's one claim; the leaf still holds it */
    CHECK(!tn_free(g));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "nothing to take back");
    CHECK(tn_grad(w) == g && tn_item(tn_sum(g)) == 6);
}

static void early_exits_close_scopes(void) {
    size_t before = live_objects();
    for (int i = 0; i < 10; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_ones(4);
        if (i == 3) continue;
        if (i == 7 && x) break;
    }
    CHECK_EQ_INT(tn_scope_depth(), 0);
    CHECK_EQ_INT(live_objects(), before);
}

/* ---- rule 2: keep, free, escape, hold, assign ---- */

static void keep_outlives_the_scope(void) {
    tn_tensor *kept;
    size_t before = live_objects();
    {
        TN_SCOPE;
        kept = tn_keep(tn_ones(3));
    }
    CHECK(tn_item(tn_sum(kept)) == 3);
    CHECK(tn_free(kept));
    CHECK_EQ_INT(live_objects(), before + 1); /* the sum, claimed by the outermost scope */
}

static void double_free_is_refused(void) {
    tn_tensor *x = tn_ones(3), *y = tn_ones(3);
    CHECK(tn_free(x));
    CHECK(!tn_free(x));
    CHECK_ERROR(TN_ERR_HANDLE, "not alive");
    CHECK(tn_add(x, y) == NULL);
    CHECK_ERROR(TN_ERR_HANDLE, "not alive");
    CHECK(tn_free(NULL) && tn_keep(NULL) == NULL && tn_escape(NULL) == NULL && tn_hold(NULL) == NULL);
    CHECK(tn_error() == TN_OK);
    int on_the_stack = 0;
    CHECK(!tn_free(&on_the_stack));
    CHECK_ERROR(TN_ERR_HANDLE, "no handle");
    CHECK(tn_free(y));
}

static tn_tensor *make_sum(void) {
    TN_SCOPE;
    tn_tensor *a = tn_ones(3), *b = tn_add(a, a);
    return tn_escape(b);
}

static void escape_passes_to_the_scope_outside(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        tn_tensor *x = make_sum();
        CHECK(tn_item(tn_sum(x)) == 6);
        for (int i = 0; i < 100; i++) make_sum();
        CHECK(live_objects() >= before + 100); /* grows until the outer scope ends, as documented */
    }
    CHECK_EQ_INT(live_objects(), before);
}

static void assign_carries_a_local(void) {
    size_t before = live_objects();
    tn_tensor *best = NULL;
    for (int i = 0; i < 10000; i++) {
        TN_SCOPE;
        tn_assign(&best, tn_full(3, i));
        if (i == 5000) CHECK(live_objects() <= before + 4);
    }
    CHECK(tn_item(tn_sum(best)) == 3 * 9999);
    tn_assign(&best, NULL);
    CHECK(best == NULL && live_objects() <= before + 4);
    CHECK_OK();
}

static void hold_claims_a_borrowed_value(void) {
    cell *c = cell_new();
    tn_tensor *old = tn_hold(c->state);
    {
        TN_SCOPE;
        c->state = tn_full(3, 5);
    }
    CHECK(tn_item(tn_sum(old)) == 0 && tn_item(tn_sum(c->state)) == 15);
    tn_free(c);
}

/* ---- rule 3: fields are observed ---- */

static void state_replaced_twice_per_step(void) {
    cell *c = cell_new();
    size_t level = 0;
    for (int i = 0; i < 10000; i++) {
        TN_SCOPE;
        TN_NO_GRAD;
        tn_forward(c, tn_ones(3));
        if (i == 100) level = live_objects();
        if (i % 1000 == 999) CHECK(live_objects() <= level + 64);
    }
    CHECK_OK();
    CHECK(tn_item(tn_sum(c->state)) > 0);
    tn_free(c);
}

static void read_field_then_replace_then_inner_scope(void) {
    cell *c = cell_new();
    tn_tensor *read = c->state; /* borrowed: safe until the field is replaced and a scope ends */
    {
        TN_SCOPE;
        tn_hold(read);
        c->state = tn_ones(3);
        CHECK(tn_item(tn_sum(read)) == 0);
    }
    CHECK(tn_item(tn_sum(c->state)) == 3);
    tn_free(c);
}

static void module_of_an_inner_scope_in_an_outer_field(void) {
    size_t before = live_objects();
    pair *p = tn_new(pair);
    {
        TN_SCOPE;
        p->first = cell_new();
        p->second = cell_new();
    }
    {
        TN_SCOPE; /* frees whatever waits */
        for (int i = 0; i < 100; i++) tn_ones(3);
    }
    CHECK(tn_forward(p, tn_ones(3)) != NULL);
    CHECK_EQ_INT(tn_tensors_count(tn_parameters(p)), 2);
    CHECK_OK();
    tn_free(p);
    tn_scope_exit(&(tn_scope){0});
    (void)before;
}

static void moving_between_fields(void) {
    pair *p = tn_new(pair);
    p->first = cell_new();
    {
        TN_SCOPE;
        p->second = p->first;
        p->first = NULL;
    }
    {
        TN_SCOPE;
        for (int i = 0; i < 100; i++) tn_ones(3);
    }
    CHECK(tn_module_class(&p->second->module) != NULL);
    CHECK_OK();
    tn_free(p);
}

static void module_in_two_parents(void) {
    pair *a = tn_new(pair), *b = tn_new(pair);
    {
        TN_SCOPE;
        a->first = b->first = cell_new();
    }
    tn_free(a);
    CHECK(tn_module_class(&b->first->module) != NULL);
    CHECK_OK();
    tn_free(b);
}

static void tied_fields_are_found_once(void) {
    pair *p = tn_new(pair);
    p->first = cell_new();
    p->second = cell_new();
    p->second->weight = p->first->weight;
    CHECK_EQ_INT(tn_tensors_count(tn_parameters(p)), 1);
    CHECK_EQ_INT(tn_state_count(tn_state_dict(p)), 2);
    tn_free(p);
}

/* ---- rule 4: a forward is a scope ---- */

static void forward_frees_its_temporaries(void) {
    cell *c = cell_new();
    TN_NO_GRAD;
    tn_tensor *x = tn_ones(3);
    for (int i = 0; i < 200; i++) {
        TN_SCOPE;
        tn_forward(c, x);
    }
    size_t before = live_objects();
    tn_tensor *y = tn_forward(c, x);
    CHECK(live_objects() <= before + 40); /* the result, the new state, and what waits to be freed */
    CHECK(tn_item(tn_sum(y)) > 3);
    tn_free(c);
}

/* ---- rule 7: handles ---- */

static void copied_by_assignment(void) {
    cell *c = cell_new();
    cell copy = *c;
    CHECK(tn_forward(&copy, tn_ones(3)) == NULL);
    CHECK_ERROR(TN_ERR_HANDLE, "copied by assignment");
    cell *d = cell_new();
    tn_module header = d->module;
    *d = *c;
    CHECK(tn_parameters(d) == NULL);
    CHECK_ERROR(TN_ERR_HANDLE, "copied by assignment");
    d->module = header;
    d->weight = tn_parameter(tn_ones(3));
    d->state = NULL;
    CHECK(tn_check(d));
    tn_free(c);
    tn_free(d);
}

static void wrong_kind_of_handle(void) {
    cell *c = cell_new();
    CHECK((tn_tanh)((tn_tensor *)(void *)c) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, NULL);
    CHECK(!tn_free(&c->state)); /* an address inside a struct */
    CHECK_ERROR(TN_ERR_HANDLE, "inside");
    tn_free(c);
}

/* Under TISON_CHECK=1 freed slots are not used again for long, and the error says which scope freed the handle. Run in a process of
 * its own, since the library reads its environment when it is loaded. */
static int stale_handles_checked(void) {
    tn_tensor *stale;
    {
        tn_scope scope = tn_scope_enter();
        stale = tn_ones(3);
        tn_scope_exit(&scope);
    }
    for (int i = 0; i < 1000; i++) {
        TN_SCOPE;
        tn_ones(3); /* would use the slot again */
    }
    const char *text = "not alive (freed by the end of scope";
    if (tn_add(stale, stale) != NULL || tn_error() != TN_ERR_HANDLE || !strstr(tn_error_message(), text)) return 1;
    tn_clear_error();
    return tn_free(stale) || tn_error() != TN_ERR_HANDLE ? 2 : 0;
}

static const char *program;
static void stale_handles_under_check(void) {
    pid_t child = fork();
    if (child == 0) {
        setenv("TISON_CHECK", "1", 1);
        execl(program, program, "stale", (char *)NULL);
        _exit(99);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- rule 8: cycles ---- */

static void a_module_that_contains_itself(void) {
    pair *p = tn_new(pair), *q = tn_new(pair);
    p->other = q;
    CHECK(tn_check(p));
    q->other = p;
    CHECK(!tn_check(p));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "contain itself");
    q->other = NULL;
    CHECK(tn_check(p));
    p->other = p;
    CHECK(!tn_check(p));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "contain itself");
    size_t before = live_objects();
    tn_free(p);
    tn_free(q);
    CHECK_EQ_INT(live_objects(), before - 2);
}

static void create_graph_with_grad_does_not_leak(void) {
    size_t before = live_objects();
    for (int i = 0; i < 100; i++) {
        TN_SCOPE;
        tn_tensor *w = tn_parameter(tn_ones(3));
        tn_backward(tn_sum(tn_mul(tn_mul(w, w), w)), .create_graph = true);
        CHECK(tn_requires_grad(tn_grad(w)));
    }
    CHECK_EQ_INT(live_objects(), before);
}

/* ---- rule 9: scopes by serial ---- */

static jmp_buf back;
static void jump_out(void) {
    TN_SCOPE;
    tn_ones(3);
    longjmp(back, 1);
}
static void jump_past_a_scope(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        if (setjmp(back) == 0) jump_out();
        CHECK_EQ_INT(tn_scope_depth(), 2); /* the one that was jumped past is closed with the next outer one */
    }
    CHECK_EQ_INT(tn_scope_depth(), 0);
    CHECK_EQ_INT(live_objects(), before);
    tn_scope a = tn_scope_enter(), b = tn_scope_enter(), b_again = b;
    tn_scope_exit(&a);
    tn_scope_exit(&b_again);
    CHECK_EQ_INT(tn_scope_depth(), 0);
    tn_scope_enter();
    tn_scope_enter();
    tn_scope_unwind(1);
    CHECK_EQ_INT(tn_scope_depth(), 1);
    tn_scope_unwind(0);
}

static void *exit_elsewhere(void *scope) {
    tn_scope_exit(scope);
    return (void *)(uintptr_t)(tn_error() == TN_ERR_OWNERSHIP);
}
static void scope_ends_on_its_own_thread(void) {
    tn_scope s = tn_scope_enter(), copy = s;
    pthread_t thread;
    void *refused = NULL;
    pthread_create(&thread, NULL, exit_elsewhere, &copy);
    pthread_join(thread, &refused);
    CHECK(refused != NULL);
    tn_scope_exit(&s);
    CHECK_EQ_INT(tn_scope_depth(), 0);
}

/* ---- 450 fields alive ---- */

typedef struct {
    tn_module module;
    tn_tensor *field[450];
} wide;
static tn_tensor *wide_forward(wide *self, tn_tensor *x) { return tn_add(x, self->field[0]); }
TN_CLASS(wide, wide_forward, field);

static void many_scopes_with_many_fields(void) {
    wide *w = tn_new(wide);
    for (int i = 0; i < 450; i++) w->field[i] = tn_zeros(1);
    for (int i = 0; i < 100000; i++) {
        TN_SCOPE;
        tn_zeros(1);
    }
    CHECK(tn_check(w));
    tn_free(w);
}

int main(int argc, char **argv) {
    program = argv[0];
    if (argc > 1 && strcmp(argv[1], "stale") == 0) return stale_handles_checked();
    RUN(scope_frees_what_it_made);
    RUN(one_claim_per_scope_and_object);
    RUN(early_exits_close_scopes);
    RUN(keep_outlives_the_scope);
    RUN(double_free_is_refused);
    RUN(escape_passes_to_the_scope_outside);
    RUN(assign_carries_a_local);
    RUN(hold_claims_a_borrowed_value);
    RUN(state_replaced_twice_per_step);
    RUN(read_field_then_replace_then_inner_scope);
    RUN(module_of_an_inner_scope_in_an_outer_field);
    RUN(moving_between_fields);
    RUN(module_in_two_parents);
    RUN(tied_fields_are_found_once);
    RUN(forward_frees_its_temporaries);
    RUN(copied_by_assignment);
    RUN(wrong_kind_of_handle);
    RUN(stale_handles_under_check);
    RUN(a_module_that_contains_itself);
    RUN(create_graph_with_grad_does_not_leak);
    RUN(jump_past_a_scope);
    RUN(scope_ends_on_its_own_thread);
    RUN(many_scopes_with_many_fields);
    return test_end();
}
