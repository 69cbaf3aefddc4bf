"""Arrangements of docks are written in the same way as by Qt."""

from main_window_state import SAVED_BY_QT, Dock, Part, read

from stream_infer_ros.report import qt_window_state as ours


def row(names, hidden=''):
    return [ours.Dock(name, visible=name not in hidden) for name in names]


def test_the_reader_of_these_tests_reads_what_qt_wrote():
    window = read(SAVED_BY_QT)
    (left, (across, docks, _)) = window.sides['left']
    assert (left, across, docks) == ((300, 812), False, [Dock('Displays', True, 812)])
    size, part = window.sides['right']
    assert size == (666, 812)
    assert [[dock.name for dock in line.items] for line in part.items] == [['a', 'b'], ['c', 'd'], ['e', 'f']]
    assert window.centre == (622, 812)
    assert window.toolbars == ['Tools']


def test_it_reads_the_same_out_of_what_we_write():
    columns = {
        ours.Area.RIGHT: ours.Column([row('ab'), row('cd'), row('ef')], 666),
        ours.Area.LEFT: ours.Column([row(['Displays'])], 300),
    }
    written = read(ours.window_state(columns, (622, 812), ['Tools']))
    qt = read(SAVED_BY_QT)
    assert written.sides['left'] == qt.sides['left']
    assert written.centre == qt.centre
    assert written.toolbars == qt.toolbars
    (size, part), (qt_size, qt_part) = written.sides['right'], qt.sides['right']
    assert size == qt_size
    assert part.across == qt_part.across
    for line, qt_line in zip(part.items, qt_part.items, strict=True):
        assert line.across == qt_line.across
        assert [dock[:2] for dock in line.items] == [dock[:2] for dock in qt_line.items]


def test_a_row_of_one_is_the_dock_itself_and_parts_fill_what_is_there():
    columns = {ours.Area.RIGHT: ours.Column([row('abc'), row('d')], 700)}
    _, part = read(ours.window_state(columns, (900, 801), [])).sides['right']
    assert part.items == [
        Part(True, [Dock('a', True, 233), Dock('b', True, 233), Dock('c', True, 234)], 400),
        Dock('d', True, 401),
    ]


def test_hidden_docks_keep_their_place_and_names_may_be_in_any_script():
    columns = {ours.Area.RIGHT: ours.Column([row(['vorn', 'カメラ'], hidden=['カメラ'])], 700)}
    _, part = read(ours.window_state(columns, (900, 800), [])).sides['right']
    assert [(dock.name, dock.visible) for dock in part.items[0].items] == [('vorn', True), ('カメラ', False)]
