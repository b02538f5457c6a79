# Builds libtison with GNU make; `make help` lists the targets. Works with gcc and clang (CC=...).

PREFIX ?= /usr/local
LIBDIR ?= lib
DESTDIR ?=
AR ?= ar
INSTALL ?= install

version = $(shell sed -n 's/^\#define TN_VERSION_$(1) //p' include/tison/base.h)
MAJOR := $(call version,MAJOR)
VERSION := $(MAJOR).$(call version,MINOR).$(call version,PATCH)

# SAN=address (with undefined) and SAN=thread build a variant in a folder of its own; so does BUILD=folder.
ifeq ($(SAN),address)
BUILD ?= build-asan
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(SAN),thread)
BUILD ?= build-tsan
SANITIZE := -fsanitize=thread -fno-omit-frame-pointer
else ifeq ($(SAN),fuzz)
BUILD ?= build-fuzz
SANITIZE := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifneq ($(SAN),)
$(error SAN is address, thread or fuzz)
endif
BUILD ?= build

OPTIMIZE ?= $(if $(SAN),-O1,-O3)
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wno-type-limits -Wno-pass-failed $(if $(filter 1,$(WERROR)),-Werror)
FLAGS := -std=gnu11 $(OPTIMIZE) -g1 -fwrapv -ffp-contract=off -fno-math-errno -fno-trapping-math -fvisibility=hidden -fPIC \
    -fno-semantic-interposition -fstack-protector-strong $(WARNINGS) $(SANITIZE) -Iinclude -Isrc
LINK := $(SANITIZE) -Wl,-z,relro,-z,now,-z,noexecstack
LIBS := -lm -lpthread -ldl

SONAME := libtison.so.$(MAJOR)
SHARED := $(BUILD)/libtison.so.$(VERSION)
STATIC := $(BUILD)/libtison.a
SOURCES := $(sort $(wildcard src/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(sort $(wildcard bench/bench_*.c)))
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(sort $(wildcard examples/*.c)))
CLI := $(BUILD)/tison

.PHONY: all lib units benches examples demo fashion test parity fuzz bench check install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: lib $(CLI)
lib: $(SHARED) $(STATIC)
units: $(UNITS)
benches: $(BENCHES)
examples: $(EXAMPLES)

help:
	@echo "all (default): the libraries in $(BUILD)/      install, uninstall: PREFIX=$(PREFIX) DESTDIR="
	@echo "test: all tests; TIER=quick, long            check: style, layers, generated headers"
	@echo "demo: learns to read handwritten digits  parity: compares live with PyTorch   bench: benchmarks"
	@echo "fuzz: the readers of files, SECONDS=60 each, TARGETS=\"npy zip\" for some; needs clang"
	@echo "fashion: learns Fashion-MNIST, 60,000 images, in about a minute"
	@echo "python: bindings/python, to be used with PYTHONPATH=bindings/python   python-test: its tests"
	@echo "clean      with CC=clang, SAN=address|thread, WERROR=1, OPTIMIZE=-O2, BUILD=folder"

# Everything is compiled again when the compiler or a flag changes.
STAMP := $(BUILD)/flags
$(shell mkdir -p $(BUILD); echo '$(CC) $(CFLAGS) $(CPPFLAGS) $(FLAGS) $(LDFLAGS) $(LINK)' | cmp -s - $(STAMP) || \
    echo '$(CC) $(CFLAGS) $(CPPFLAGS) $(FLAGS) $(LDFLAGS) $(LINK)' > $(STAMP))

$(BUILD)/%.o: %.c $(STAMP)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(FLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# The list of objects is a prerequisite too: a source that was removed must leave the archive.
OBJECT_LIST := $(BUILD)/objects
$(shell echo '$(OBJECTS)' | cmp -s - $(OBJECT_LIST) || echo '$(OBJECTS)' > $(OBJECT_LIST))

$(SHARED): $(OBJECTS) $(OBJECT_LIST) tison.map
	$(CC) -shared $(LINK) -Wl,--version-script=tison.map -Wl,-soname,$(SONAME) $(LDFLAGS) $(OBJECTS) $(LIBS) -o $@
	@ln -sf $(@F) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libtison.so

$(STATIC): $(OBJECTS) $(OBJECT_LIST)
	@rm -f $@
	$(AR) rcs $@ $(OBJECTS)

$(UNITS): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(STATIC)
	$(CC) $(LINK) $(LDFLAGS) $< $(STATIC) $(LIBS) -o $@
$(BENCHES): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(STATIC)
	$(CC) $(LINK) $(LDFLAGS) $< $(STATIC) $(LIBS) -o $@
$(EXAMPLES): $(BUILD)/examples/%: $(BUILD)/examples/%.o $(STATIC)
	$(CC) $(LINK) $(LDFLAGS) $< $(STATIC) $(LIBS) -o $@
$(BUILD)/tison: $(patsubst %.c,$(BUILD)/%.o,$(wildcard cli/*.c)) $(STATIC)
	$(CC) $(LINK) $(LDFLAGS) $^ $(LIBS) -o $@

demo:
	@tools/setup.sh
	@echo "building the library"
	@$(MAKE) -s -j2 $(BUILD)/examples/1_parameter $(BUILD)/examples/demo
	@echo "--- 1_parameter: a Parameter registers itself"
	@$(BUILD)/examples/1_parameter
	@echo "--- demo: a network of plain C structs learns to read digits"
	@cd $(BUILD) && examples/demo

fashion:
	@tools/setup.sh
	@$(MAKE) -s -j2 $(BUILD)/examples/fashion
	@folder=$$(BUILD=$(BUILD) tools/fashion.sh) && cd $(BUILD) && examples/fashion "$$folder"

test:
	@CC='$(CC)' tests/run.sh $(TIER)
check:
	@./dev check
parity: lib
	@BUILD=$(BUILD) tools/parity.sh
# The package finds the library and its description next to itself.
python: lib
	@ln -sf $(abspath $(SHARED)) bindings/python/tison/libtison.so
	@ln -sf ../../api.json bindings/python/tison/api.json
python-test: python
	@BUILD=$(BUILD) tools/python_test.sh
SECONDS ?= 60
fuzz:
	@tools/fuzz.sh $(SECONDS) $(TARGETS)
bench: python $(BENCHES)
	@BUILD=$(BUILD) tools/bench.sh

ROOT = $(DESTDIR)$(PREFIX)
FILL = 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|g; s|@MAJOR@|$(MAJOR)|g; \
    s|@MINOR@|$(call version,MINOR)|'
HEADERS := $(patsubst include/%,%,$(wildcard include/*.h include/*.hpp include/tison/*.h))

install: all
	$(INSTALL) -d $(ROOT)/include/tison $(ROOT)/$(LIBDIR)/pkgconfig $(ROOT)/$(LIBDIR)/cmake/tison
	for h in $(HEADERS); do $(INSTALL) -m 644 include/$$h $(ROOT)/include/$$h || exit 1; done
	$(INSTALL) -m 755 $(SHARED) $(ROOT)/$(LIBDIR)/
	$(INSTALL) -m 644 $(STATIC) $(ROOT)/$(LIBDIR)/
	ln -sf $(notdir $(SHARED)) $(ROOT)/$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(ROOT)/$(LIBDIR)/libtison.so
	sed $(FILL) tison.pc.in > $(ROOT)/$(LIBDIR)/pkgconfig/tison.pc
	for f in tisonConfig tisonConfigVersion; do \
	    sed $(FILL) cmake/$$f.cmake.in > $(ROOT)/$(LIBDIR)/cmake/tison/$$f.cmake || exit 1; done
	$(INSTALL) -d $(ROOT)/bin $(ROOT)/share/man/man1 $(ROOT)/share/bash-completion/completions
	$(INSTALL) -m 755 $(CLI) $(ROOT)/bin/
	$(INSTALL) -m 644 docs/man/tison.1 $(ROOT)/share/man/man1/
	$(INSTALL) -m 644 cli/tison.bash $(ROOT)/share/bash-completion/completions/tison

uninstall:
	cd $(ROOT)/include && rm -f $(HEADERS)
	-rmdir $(ROOT)/include/tison
	rm -f $(ROOT)/$(LIBDIR)/libtison.so* $(ROOT)/$(LIBDIR)/libtison.a $(ROOT)/$(LIBDIR)/pkgconfig/tison.pc $(ROOT)/bin/tison \
	    $(ROOT)/share/man/man1/tison.1 $(ROOT)/share/bash-completion/completions/tison
	rm -rf $(ROOT)/$(LIBDIR)/cmake/tison

clean:
	rm -rf build build-asan build-tsan build-clang build-fuzz $(BUILD)

-include $(OBJECTS:.o=.d) $(wildcard $(BUILD)/tests/unit/*.d $(BUILD)/bench/*.d $(BUILD)/examples/*.d $(BUILD)/cli/*.d)
