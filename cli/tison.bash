# bash completion for tison(1)
_tison() {
    local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "inspect convert diff verify cat ops bench --help --version" -- "$current")
        return
    fi
    case $command in
    inspect) options="--json --short --help" ;;
    convert) options="--compress --help" ;;
    diff) options="--atol --rtol --help" ;;
    verify) options="--finite --help" ;;
    cat) options="--index --all --hist --map --help" ;;
    bench) options="--threads --help" ;;
    ops)
        mapfile -t COMPREPLY < <(compgen -W "$(tison ops 2> /dev/null)" -- "$current")
        return
        ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [ "$command" = cat ] && [ "$COMP_CWORD" -eq 3 ]; then
        local names
        names=$(tison inspect --short "${COMP_WORDS[2]}" 2> /dev/null | awk 'seen { print $1 } $1 == "name" { seen = 1 }' | head -n -1)
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
    else
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}
complete -F _tison tison
