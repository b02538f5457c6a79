/* unit/test_value.c - nested values: making, changing, reading, printing; who keeps what. */
#include "support.h"

static void scalars(void) {
    TN_SCOPE;
    CHECK(tn_value_get_kind(tn_value_none()) == TN_VALUE_NONE);
    CHECK(tn_value_as_bool(TN_VALUE((bool)true)));
    CHECK_EQ_INT(tn_value_as_int(TN_VALUE(INT64_MIN)), INT64_MIN);
    CHECK_EQ_INT(tn_value_as_int(tn_value_bool(true)), 1);
    CHECK(tn_value_as_float(TN_VALUE(0.1)) == 0.1 && tn_value_as_float(TN_VALUE(3)) == 3);
    CHECK_STR(tn_value_as_string(TN_VALUE("a text")), "a text");
    CHECK(tn_value_as_dtype(tn_value_dtype(TN_INT64)) == TN_INT64);
    double re, im;
    CHECK(tn_value_as_complex(tn_value_complex(1, -2), &re, &im) && re == 1 && im == -2);
    tn_value *b = tn_value_bytes("a\0b", 3);
    CHECK(tn_value_count(b) == 3 && memcmp(tn_value_as_bytes(b), "a\0b", 3) == 0);
    tn_tensor *x = tn_ones(2);
    CHECK(tn_value_as_tensor(TN_VALUE(x)) == x);
    CHECK_OK();
    tn_value_as_int(TN_VALUE("7"));
    CHECK_ERROR(TN_ERR_TYPE, "is a string, not a int");
    CHECK(tn_value_string("\xff") == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "UTF-8");
    CHECK(tn_value_tensor((tn_tensor *)b) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor, not a value");
    CHECK(tn_value_dtype((tn_dtype)99) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "99");
}

static void containers(void) {
    TN_SCOPE;
    tn_value *d = tn_value_dict(), *l = tn_value_list();
    for (int i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        CHECK(tn_value_set(d, key, i) && tn_value_set_int(d, i, i + 0.5) && tn_value_append(l, i));
    }
    CHECK_EQ_INT(tn_value_count(d), 200);
    CHECK_EQ_INT(tn_value_count(l), 100);
    CHECK_EQ_INT(tn_value_as_int(tn_value_get(d, "k77")), 77);
    CHECK(tn_value_as_float(tn_value_get_int(d, 77)) == 77.5);
    CHECK_STR(tn_value_as_string(tn_value_key(d, 2)), "k1");
    CHECK_EQ_INT(tn_value_as_int(tn_value_key(d, 3)), 1);
    CHECK_EQ_INT(tn_value_as_int(tn_value_at(l, 99)), 99);
    CHECK(tn_value_set(d, "k5", "new") && tn_value_count(d) == 200);
    CHECK_STR(tn_value_as_string(tn_value_get(d, "k5")), "new");
    CHECK(tn_value_has(d, "k5") && !tn_value_has(d, "k") && tn_value_has_int(d, 0) && !tn_value_has_int(d, -1));
    CHECK_OK();
    CHECK(tn_value_at(l, 100) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "index 100");
    CHECK(tn_value_get(d, "none such") == NULL);
    CHECK_ERROR(TN_ERR_KEY, "none such");
    CHECK(!tn_value_append(d, 1));
    CHECK_ERROR(TN_ERR_TYPE, "must be a list, not a dict");
    CHECK(!tn_value_set(d, "x", (tn_value *)NULL));
    CHECK_ERROR(TN_ERR_TYPE, "NULL");
    CHECK_EQ_INT(tn_value_count(d), 200);
}

static void printed_as_python_does(void) {
    TN_SCOPE;
    tn_value *d = tn_value_dict(), *l = tn_value_list(), *one = TN_VALUE(1);
    tn_value_append(l, 0.001), tn_value_append(l, tn_value_none()), tn_value_append(l, (bool)false);
    tn_value_append(l, "it's"), tn_value_append(l, tn_value_tuple(&one, 1)), tn_value_append(l, tn_value_complex(0, 1));
    tn_value_append(l, tn_value_bytes("\x01z", 2)), tn_value_append(l, tn_value_dtype(TN_FLOAT32));
    tn_value_set(d, "a\n", l);
    tn_value_set_int(d, -3, tn_arange(3));
    CHECK_STR(tn_to_string(d),
              "{'a\\n': [0.001, None, False, \"it's\", (1,), 1j, b'\\x01z', torch.float32], -3: tensor([0, 1, 2])}");
    tn_state *s = tn_state_new();
    CHECK_STR(tn_to_string(tn_value_from_state(s)), "OrderedDict()");
    tn_state_set(s, "w", tn_tensor(2, 1, 2));
    CHECK_STR(tn_to_string(tn_value_from_state(s)), "OrderedDict([('w', tensor([1, 2]))])");
}

static void what_a_value_holds_stays_alive(void) {
    size_t before = live_objects();
    tn_value *d = tn_keep(tn_value_dict());
    {
        TN_SCOPE;
        tn_value *l = tn_value_list();
        tn_value_append(l, tn_full(2, 7));
        tn_value_append(l, "text");
        tn_value_set(d, "l", l);
        tn_value_set(d, "again", l);
    }
    {
        TN_SCOPE;
        tn_value *l = tn_value_get(d, "l");
        CHECK(l == tn_value_get(d, "again"));
        CHECK(tn_item(tn_sum(tn_value_as_tensor(tn_value_at(l, 0)))) == 14);
        CHECK(tn_value_set(d, "l", tn_value_none()) && tn_value_set(d, "again", 0));
    }
    tn_free(d);
    tn_free(d); /* the scope's claim */
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

static void a_value_cannot_contain_itself(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        tn_value *a = tn_value_list(), *b = tn_value_dict(), *c = tn_value_list();
        CHECK(!tn_value_append(a, a));
        CHECK_ERROR(TN_ERR_VALUE, "a list cannot contain itself");
        CHECK(tn_value_append(a, b) && tn_value_set(b, "c", c) && tn_value_append(a, c));
        CHECK(!tn_value_append(c, a));
        CHECK_ERROR(TN_ERR_VALUE, "cannot contain itself");
        CHECK(!tn_value_set_attributes(b, b));
        CHECK_ERROR(TN_ERR_VALUE, "a dict cannot contain itself");
        tn_value *m = tn_value_dict();
        CHECK(tn_value_set_attributes(b, m) && tn_value_attributes(b) == m && !tn_value_set(m, "x", a));
        CHECK_ERROR(TN_ERR_VALUE, "cannot contain itself");
        CHECK_EQ_INT(tn_value_count(c) + tn_value_count(m), 0);
    }
    CHECK_EQ_INT(live_objects(), before);
}

/* 40 lists, each twice in the next: 2^40 items when written out, and no call takes long. */
static void shared_lists_stay_small(void) {
    TN_SCOPE;
    tn_value *l = tn_value_list();
    for (int i = 0; i < 40; i++) {
        tn_value *outer = tn_value_list();
        CHECK(tn_value_append(outer, l) && tn_value_append(outer, l));
        l = outer;
    }
    CHECK(strlen(tn_to_string(l)) < 2000000);
    tn_value *deep = tn_value_list(), *top = deep;
    for (int i = 0; i < 100000; i++) {
        tn_value *outer = tn_value_list();
        tn_value_append(outer, top);
        top = outer;
    }
    CHECK(strlen(tn_to_string(top)) < 1000);
    CHECK(!tn_value_append(deep, top));
    CHECK_ERROR(TN_ERR_VALUE, "cannot contain itself");
}

static void states(void) {
    TN_SCOPE;
    tn_state *s = tn_state_new();
    tn_tensor *x = tn_ones(1);
    tn_state_set(s, "b", x), tn_state_set(s, "a", tn_zeros(2));
    tn_value *v = TN_VALUE(s);
    tn_state *back = tn_value_to_state(v);
    CHECK(tn_state_count(back) == 2 && tn_state_get(back, "b") == x);
    CHECK_STR(tn_state_name(back, 0), "b");
    tn_value_set(v, "n", 3);
    CHECK(tn_value_to_state(v) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "'n' is no tensor but a int");
}

int main(void) {
    RUN(scalars);
    RUN(containers);
    RUN(printed_as_python_does);
    RUN(what_a_value_holds_stays_alive);
    RUN(a_value_cannot_contain_itself);
    RUN(shared_lists_stay_small);
    RUN(states);
    tn_shutdown();
    return test_end();
}
