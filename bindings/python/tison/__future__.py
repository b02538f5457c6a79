"""torch.__future__: what conversion does to parameters, for the whole process."""
from ._call import call


def set_overwrite_module_params_on_conversion(value):
    call("tn_set_overwrite_module_params_on_conversion", bool(value))


def get_overwrite_module_params_on_conversion():
    return call("tn_get_overwrite_module_params_on_conversion")


def set_swap_module_params_on_conversion(value):
    call("tn_set_swap_module_params_on_conversion", bool(value))


def get_swap_module_params_on_conversion():
    return call("tn_get_swap_module_params_on_conversion")
