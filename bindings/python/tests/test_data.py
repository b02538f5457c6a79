"""Datasets and loaders: the same batches in the same order."""
import pytest


def test_batches(lib):
    data = lib.utils.data
    x, y = lib.arange(10).reshape(10, 1), lib.arange(10)
    dataset = data.TensorDataset(x, y)
    assert len(dataset) == 10 and dataset[3][1].item() == 3
    loader = data.DataLoader(dataset, batch_size=4)
    assert len(loader) == 3 and [b[1].tolist() for b in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(data.DataLoader(dataset, batch_size=4, drop_last=True)) == 2
    with pytest.raises(ValueError):
        data.DataLoader(dataset, batch_size=0)


def test_shuffles_are_equal(both):
    orders = []
    for lib in both:
        lib.manual_seed(5)
        loader = lib.utils.data.DataLoader(lib.utils.data.TensorDataset(lib.arange(20)), batch_size=3, shuffle=True)
        orders.append([[b[0].tolist() for b in loader] for _ in range(2)])
    assert orders[0] == orders[1]


def test_datasets_in_python(lib):
    class Squares(lib.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return lib.tensor([float(i)]), i * i
    batches = list(lib.utils.data.DataLoader(Squares(), batch_size=2))
    assert [b[1].tolist() for b in batches] == [[0, 1], [4, 9], [16]] and batches[0][0].shape == (2, 1)

    class Broken(Squares):
        def __getitem__(self, i):
            raise KeyError("item")
    with pytest.raises(KeyError):
        list(lib.utils.data.DataLoader(Broken()))
