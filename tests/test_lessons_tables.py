"""Tables that lessons print."""

from lessons.tables import tell


def test_a_table_by_hand(capsys):
    tell(['run', 'KL'], [['vae-plane', 0.0123456], ['ae', 89.0], ['new', None]])
    expected = '      run       KL\nvae-plane  0.01235\n       ae       89\n      new        -\n'
    assert capsys.readouterr().out == expected
