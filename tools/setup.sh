#!/usr/bin/env bash
# Gets the tools that the tests use beyond a C compiler and make; says in one line what stays missing and what is left out for it.
# Installs with apt-get when that is allowed (root or sudo without a password), unless TISON_NO_INSTALL is set.
cd "$(dirname "$0")/.." || exit 1

has() { command -v "$1" > /dev/null 2>&1; }
sanitizes() { echo 'int main(void) { return 0; }' | "$1" -xc -fsanitize=address,undefined - -o /dev/null 2> /dev/null; }

wanted() { # the packages that are missing
    has clang || echo clang
    has g++ || echo g++
    has cmake || echo cmake
    has pkg-config || echo pkg-config
    has python3 || echo python3
    has luajit || echo luajit
    if has clang && ! sanitizes clang; then echo "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"; fi
}

install_wanted() {
    local run=() packages
    [ -z "$TISON_NO_INSTALL" ] && has apt-get || return 1
    if [ "$(id -u)" != 0 ]; then
        has sudo && sudo -n true 2> /dev/null || return 1
        run=(sudo -n)
    fi
    mapfile -t packages < <(wanted)
    [ ${#packages[@]} = 0 ] && return 0
    echo "setup: installing ${packages[*]}"
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" > /dev/null 2>&1 && return 0
    "${run[@]}" apt-get update -qq > /dev/null 2>&1
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" > /dev/null 2>&1
}

if [ -n "$(wanted)" ]; then
    install_wanted && [ -n "$(wanted)" ] && install_wanted # the second time for what clang itself needs
    missing=$(wanted | tr '\n' ' ')
    [ -n "$missing" ] && echo "setup: missing ${missing% }: the steps that need them are skipped"
fi
exit 0
