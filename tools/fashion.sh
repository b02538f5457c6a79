#!/usr/bin/env bash
# Prints the folder that holds Fashion-MNIST: $FASHION, else where Debian's package dataset-fashion-mnist has it, which is installed
# where that is allowed, else unpacked under the build folder. Prints nothing and fails when it cannot be had.
cd "$(dirname "$0")/.." || exit 1
build=$(realpath "${BUILD:-build}")
package=dataset-fashion-mnist
unpacked=$build/fashion/usr/share/datasets/fashion-mnist

find_folder() {
    for folder in "$FASHION" /usr/share/datasets/fashion-mnist "$unpacked"; do
        [ -n "$folder" ] && [ -f "$folder/train-images-idx3-ubyte.gz" ] && echo "$folder" && return 0
    done
    return 1
}

install_package() {
    local run=()
    [ -z "$TISON_NO_INSTALL" ] || return 1
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2> /dev/null || return 1
        run=(sudo -n)
    fi
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $package > /dev/null 2>&1
}

unpack_package() { # needs no rights
    mkdir -p "$build/fashion" && cd "$build/fashion" && apt-get download -qq $package > /dev/null 2>&1 && dpkg -x ./$package*.deb .
}

find_folder && exit
command -v apt-get > /dev/null || { echo "Fashion-MNIST is not here: FASHION=folder with its four .gz files" >&2; exit 1; }
echo "getting $package (31 MB)" >&2
install_package || (unpack_package)
find_folder || { echo "the package $package cannot be had: FASHION=folder with Fashion-MNIST's four .gz files" >&2; exit 1; }
