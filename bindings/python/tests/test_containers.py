"""Sequential, ModuleList, ModuleDict, ParameterList and ParameterDict as Python uses them: operators, protocols, refusals."""
import pytest


def kinds(modules):
    return [type(m).__name__ for m in modules]


def test_sequential_arithmetic(lib):
    nn = lib.nn
    m = nn.Sequential(nn.ReLU(), nn.Tanh())
    assert kinds(2 * m) == kinds(m * 2) == ["ReLU", "Tanh"] * 2
    m *= 2
    assert kinds(m) == ["ReLU", "Tanh"] * 2 and m[0] is m[2]
    m += nn.Sequential(nn.GELU())
    assert len(m) == 5 and kinds(m + nn.Sequential(nn.ReLU()))[-2:] == ["GELU", "ReLU"]
    for n, error in (("a", TypeError), (1.5, TypeError), (0, ValueError)):
        with pytest.raises(error, match="unsupported operand|Non-positive multiplication factor 0"):
            m * n
        with pytest.raises(error, match="unsupported operand|Non-positive multiplication factor 0"):
            m *= n
    with pytest.raises(ValueError, match="add operator supports only objects of Sequential class, but <class 'list'> is given"):
        m + [nn.ReLU()]
    with pytest.raises(ValueError, match="add operator supports only objects of Sequential class, but <class 'list'> is given"):
        m += [nn.ReLU()]
    assert len(m) == 5


def test_module_list_joins_what_can_be_walked(lib):
    nn = lib.nn
    m = nn.ModuleList([nn.ReLU()])
    both = m + [nn.Tanh()]
    assert type(both) is nn.ModuleList and kinds(both) == ["ReLU", "Tanh"] and both[0] is m[0] and len(m) == 1
    assert kinds(m + nn.ModuleList([nn.GELU()])) == ["ReLU", "GELU"] and m.insert(0, nn.Tanh()) is None
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        m + 3
    with pytest.raises(TypeError, match="unsupported operand"):
        m * 2
    with pytest.raises(TypeError, match="ModuleList.extend should be called with an iterable, but got int"):
        nn.ModuleList(3)


@pytest.mark.parametrize("arguments", [(), (1,)])
def test_what_has_no_forward(lib, arguments):
    nn = lib.nn
    for m in (nn.ModuleList([nn.ReLU()]), nn.ModuleDict({"a": nn.ReLU()})):
        with pytest.raises(NotImplementedError, match=rf'Module \[{type(m).__name__}\] is missing the required "forward" function'):
            m(*arguments)
    with pytest.raises(RuntimeError, match="ParameterList should not be called."):
        nn.ParameterList([lib.ones(1)])(*arguments)

    class Own(nn.ModuleList):
        def forward(self, x):
            return self[0](x)
    assert Own([nn.ReLU()])(lib.ones(1)).tolist() == [1] and nn.Sequential(Own([nn.ReLU()]))(lib.ones(1)).tolist() == [1]


def test_module_dict_updates(lib):
    nn = lib.nn
    m = nn.ModuleDict([("a", nn.ReLU())])
    assert m.update({"b": nn.Tanh()}) is None and m.update(nn.ModuleDict({"c": nn.GELU()})) is None and list(m) == ["a", "b", "c"]
    for values, error, text in ((3, TypeError, "ModuleDict.update should be called with an iterable of key/value pairs, but got int"),
                                ([3], TypeError, "ModuleDict update sequence element #0 should be Iterable; isint"),
                                ([("a",)], ValueError, "ModuleDict update sequence element #0 has length 1; 2 is required"),
                                ([("e", 3)], TypeError, "int is not a Module subclass"),
                                ([(3, nn.ReLU())], TypeError, "module name should be a string. Got int")):
        with pytest.raises(error, match=text):
            m.update(values)
    with pytest.raises(TypeError, match="module name should be a string. Got int"):
        m[3] = nn.ReLU()
    for key in ("zz", 3):
        with pytest.raises(KeyError) as e:
            m[key]
        assert e.value.args == (key,) and key not in m
    assert list(m) == ["a", "b", "c"] and m.clear() is None and len(m) == 0


def test_parameter_dict_merges(lib):
    nn = lib.nn
    m = nn.ParameterDict({"b": lib.ones(1), "a": lib.zeros(1)})
    m |= {"c": lib.ones(2)}
    assert type(m) is nn.ParameterDict and list(m) == ["a", "b", "c"]
    assert list(m | {"d": lib.ones(1)}) == ["a", "b", "c", "d"] and list({"y": lib.ones(1)} | m) == ["y", "a", "b", "c"]
    assert list(m.fromkeys(["u", "v"], lib.ones(1))) == ["u", "v"] and len(m) == 3
    for call in (lambda: m[3], lambda: m.__setitem__(3, lib.ones(1))):
        with pytest.raises(TypeError, match=r"cannot be used as a key as it is not a string \(type is 'int'\)"):
            call()
    with pytest.raises(TypeError, match="ParametersDict.update should be called with an iterable of key/value pairs, but got int"):
        m.update(3)
    with pytest.raises(TypeError, match="ParameterList.extend should be called with an iterable, but got int"):
        nn.ParameterList(3)


def test_parametrizations_are_containers(lib):
    nn, utils = lib.nn, lib.nn.utils
    m = nn.Linear(3, 3)
    utils.parametrizations.orthogonal(m)
    found = m.parametrizations
    assert list(found) == list(found.keys()) == ["weight"] and "weight" in found and len(found) == 1
    functions = found["weight"]
    assert isinstance(functions, utils.parametrize.ParametrizationList) and functions is found.weight and functions.is_tensor
    assert len(functions) == 1 and type(functions[0]) is type(functions[-1]) and list(functions) == [functions[0]]
    assert lib.allclose(functions(), m.weight) and lib.allclose(functions[0](functions.original), m.weight)
    with pytest.raises(IndexError):
        functions[1]
