"""Recordings as they come out of accidents: what is readable is read, and one line says what is missing."""

import re
import shutil
import sqlite3
import struct
from collections import Counter

import numpy as np
import pytest
import recording_files as files
from graph_messages import STRING, string
from recording_files import ENTRIES, START_NS
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer

from stream_infer_ros.errors import BagError
from stream_infer_ros.graph.graph import TopicInfo
from stream_infer_ros.graph.recordings import BagReader
from stream_infer_ros.graph.recordings.storage import Channel, StoredMessage
from stream_infer_ros.graph.recordings.time_order import in_time_order
from stream_infer_ros.messages.typestore import typestore

ALL = {'/a': 10, '/b': 10}
MCAP, SQLITE = StoragePlugin.MCAP, StoragePlugin.SQLITE3
CASES = {}


def case(counts, *lines):
    """Add a recording that gives `counts` messages by topic and, for each of `lines`, one problem like it."""

    def add(make):
        CASES[make.__name__] = (make, counts, lines)
        return make

    return add


def read(path):
    reader = BagReader(path)
    messages = list(reader.messages(reader.topics()))
    problems = [str(problem) for problem in reader.problems]
    reader.close()
    return messages, problems


# Metadata


@case(ALL)
def qos_only_in_the_storage_file(path):
    def clear(information):
        for topic in information['topics_with_message_count']:
            topic['topic_metadata']['offered_qos_profiles'] = []

    return files.change_metadata(files.folder(path / 'bag'), clear)


@case(ALL)
def metadata_of_a_future_version(path):
    def change(information):
        information['version'] = 99
        information['storage_identifier'] = ''
        del information['duration'], information['starting_time'], information['compression_format']

    return files.change_metadata(files.folder(path / 'bag'), change)


@case(ALL, r'bag: metadata.yaml is not used: it is not valid YAML \(line 3\).*ros2 bag reindex')
def metadata_that_is_not_yaml(path):
    bag = files.folder(path / 'bag', plugin=MCAP)
    (bag / 'metadata.yaml').write_text('rosbag2_bagfile_information:\n  version: {8\n')
    return bag


@case(ALL, 'bag: metadata.yaml is not used: it does not list the files')
def metadata_that_is_empty(path):
    bag = files.folder(path / 'bag', plugin=MCAP)
    (bag / 'metadata.yaml').write_text('')
    return bag


@case(ALL, 'it does not list the number of messages')
def metadata_without_topics(path):
    return files.change_metadata(
        files.folder(path / 'bag'), lambda information: information.pop('topics_with_message_count')
    )


@case(ALL)
def metadata_with_the_paths_of_another_machine(path):
    def change(information):
        information['relative_file_paths'] = ['C:\\bags\\run\\bag.db3']

    return files.change_metadata(files.folder(path / 'bag'), change)


@case(ALL, r'bag.db3 is listed in metadata.yaml, but missing.*read instead: renamed.db3')
def storage_file_that_was_renamed(path):
    bag = files.folder(path / 'bag')
    files.storage_of(bag).rename(bag / 'renamed.db3')
    return bag


@case(ALL, r'metadata.yaml lists are not in its files: /a 10 of 15;', r'bag: 5 messages')
def metadata_that_lists_more_messages(path):
    def change(information):
        for topic in information['topics_with_message_count']:
            topic['message_count'] = 15 if topic['topic_metadata']['name'] == '/a' else 10

    return files.change_metadata(files.folder(path / 'bag'), change)


@case(ALL)
def no_metadata(path):
    bag = files.folder(path / 'bag')
    (bag / 'metadata.yaml').unlink()
    return bag


# Several files


@case(ALL)
def split_bag(path):
    return files.split_folder(path / 'bag')


@case(ALL)
def split_bag_without_metadata(path):
    bag = files.split_folder(path / 'bag', MCAP)
    (bag / 'metadata.yaml').unlink()
    return bag


@case({'/a': 4, '/b': 3}, 'bag_1.db3: it is file 2 of 3 of a recording.*name the folder')
def one_file_of_a_split_bag(path):
    return files.split_folder(path / 'bag') / 'bag_1.db3'


@case(
    {'/a': 6, '/b': 7},
    r'bag_1.db3 is listed in metadata.yaml, but missing \(7 messages\); copy what is missing',
    r'7 messages that metadata.yaml lists are not in its files: /a 6 of 10, /b 7 of 10',
)
def split_bag_with_a_missing_file(path):
    bag = files.split_folder(path / 'bag')
    (bag / 'bag_1.db3').unlink()
    return bag


@case({'/a': 7, '/b': 7}, 'bag_2.mcap: cannot be read: it is empty', '6 messages that metadata.yaml lists')
def split_bag_with_an_empty_file(path):
    bag = files.split_folder(path / 'bag', MCAP)
    (bag / 'bag_2.mcap').write_bytes(b'')
    return bag


@case(ALL, 'bag_2.db3 is not listed in metadata.yaml, and is read too')
def split_bag_whose_last_file_is_not_listed(path):
    def change(information):
        information['relative_file_paths'].pop()

    return files.change_metadata(files.split_folder(path / 'bag'), change)


@case(ALL, 'second.mcap: is a copy of bag.mcap, and is not read')
def copy_in_the_folder(path):
    bag = files.folder(path / 'bag', plugin=MCAP)
    (bag / 'metadata.yaml').unlink()
    shutil.copy(bag / 'bag.mcap', bag / 'second.mcap')
    return bag


@case(ALL, 'bag.mcap: is a copy of bag.mcap.zstd, and is not read', 'bag.mcap is not listed')
def decompressed_copy_in_the_folder(path):
    bag = files.file_compressed(path / 'bag')
    packed = files.storage_of(bag)
    plain = files.storage_of(files.folder(path / 'plain', plugin=MCAP))
    shutil.copy(plain, packed.with_suffix(''))
    return bag


@case(ALL)
def folder_of_several_bags(path):
    files.folder(path / 'all/first', ENTRIES[:7])
    files.folder(path / 'all/second', ENTRIES[7:12], MCAP)
    files.ros1_bag(path / 'all/third.bag', ENTRIES[12:])
    return path / 'all'


@case({'/a': 5, '/b': 5}, 'second/bag.db3: cannot be read: it is a Git LFS pointer.*git lfs pull')
def folder_of_several_bags_one_of_them_a_pointer(path):
    files.folder(path / 'all/first', ENTRIES[:10])
    (path / 'all/second').mkdir()
    (path / 'all/second/bag.db3').write_text('version https://git-lfs.github.com/spec/v1\noid sha256:0\n')
    return path / 'all'


# Compression


@case(ALL)
def compressed_file_alone(path):
    packed = files.storage_of(files.file_compressed(path / 'bag', SQLITE))
    return shutil.move(packed, path / packed.name)


@case(ALL)
def compressed_messages_without_metadata(path):
    packed = files.storage_of(files.message_compressed(path / 'bag', SQLITE))
    return shutil.move(packed, path / packed.name)


@case({'/a': 10, '/b': 9}, '/b: 1 of 10 messages are not valid')
def compressed_messages_one_of_them_damaged(path):
    packed = files.storage_of(files.message_compressed(path / 'bag', SQLITE))
    with sqlite3.connect(packed) as database:
        database.execute("UPDATE messages SET data = x'28b52ffd0000' WHERE id = 1")
    database.close()
    return packed


@case({}, 'bag.mcap.zstd: .*compression .zstd. is damaged or cut short')
def compressed_file_that_was_cut_short(path):
    random = np.random.default_rng(0)
    entries = [('/a', START_NS + i, string(random.bytes(100_000).hex())) for i in range(20)]
    packed = files.storage_of(files.folder(path / 'bag', entries, MCAP, compression=CompressionMode.FILE))
    packed.write_bytes(packed.read_bytes()[:-300_000])
    return packed


# Recorders that were killed


def killed(path, suffix):
    """A database whose last half is only in the log or journal that a killed recorder leaves."""
    bag = files.folder(path / 'bag')
    file = files.storage_of(bag)
    database = sqlite3.connect(file)
    rows = database.execute('SELECT * FROM messages ORDER BY timestamp').fetchall()
    put = 'INSERT INTO messages VALUES (?, ?, ?, ?)'
    if suffix == '-wal':
        database.execute('DELETE FROM messages')
        database.commit()
        database.execute('PRAGMA journal_mode=wal')
        database.execute('PRAGMA wal_autocheckpoint=0')
        database.executemany(put, rows[:10])
        database.commit()
        database.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        database.executemany(put, rows[10:])
        database.commit()
    else:  # pages of a transaction that was not finished are in the database already
        database.execute('PRAGMA journal_mode=delete')
        database.execute('PRAGMA cache_size=1')
        database.execute('UPDATE messages SET data = zeroblob(100000)')
    left = path / 'left'
    left.mkdir()
    for part in bag.glob('*.db3*'):
        if not part.name.endswith('-shm'):
            shutil.copy(part, left / part.name)
    database.rollback()
    database.close()
    assert (left / (file.name + suffix)).stat().st_size
    return left


@case(ALL)
def killed_recorder_with_a_write_ahead_log(path):
    return killed(path, '-wal')


@case(ALL)
def killed_recorder_with_a_write_ahead_log_that_sqlite_cannot_index(path):
    left = killed(path, '-wal')
    (left / 'bag.db3-shm').mkdir()  # as in a folder that is read-only
    return left


@case(ALL)
def killed_recorder_with_a_rollback_journal(path):
    return killed(path, '-journal')


@case(
    {'/a': 7, '/b': 7},
    'bag.mcap: it has no end: the recorder was killed or the file was cut short; .*mcap recover',
)
def mcap_that_was_cut_short_in_a_chunk(path):
    file = files.mcap_of_chunks(path / 'bag.mcap')
    file.write_bytes(file.read_bytes()[: -len(files.footer()) - 1300])
    return file


@case(ALL, 'it has no end')
def mcap_without_an_end(path):
    return files.mcap_of_chunks(path / 'bag.mcap', compression='lz4', end=False)


@case({'/a': 9, '/b': 10}, 'it has no end')
def mcap_without_chunks_that_was_cut_short(path):
    file = path / 'bag.mcap'
    file.write_bytes((files.header() + files.DESCRIPTIONS + b''.join(files.mcap_messages()))[:-5])
    return file


@case(ALL, 'the ROS 1 bag has no end')
def ros1_bag_of_a_recorder_that_was_killed(path):
    file = files.ros1_bag(path / 'run.bag')
    data = bytearray(file.read_bytes())
    at = data.index(b'index_pos=') + len(b'index_pos=')
    (index_at,) = struct.unpack_from('<Q', data, at)
    data[at : at + 8] = bytes(8)
    (path / 'run.bag.active').write_bytes(data[:index_at])
    return path / 'run.bag.active'


@case({'/a': 9, '/b': 10}, 'run.bag: the ROS 1 bag has no end')
def ros1_bag_that_was_cut_short_in_a_chunk(path):
    file = files.ros1_bag(path / 'run.bag')
    data = file.read_bytes()
    file.write_bytes(data[: data.rindex(b'0019' * 50) + 20])
    return file


# Damage


@case(
    {'/a': 7, '/b': 8}, r'the chunk at byte \d+ is damaged .wrong checksum or size.: 0 .*copy the file again'
)
def mcap_with_a_damaged_chunk(path):
    def damage(chunks):
        return [chunks[0], chunks[1][:80] + bytes(200) + chunks[1][280:], *chunks[2:]]

    return files.mcap_of_chunks(path / 'bag.mcap', compression='lz4', damage=damage)


@case(ALL, r'the chunk at byte \d+ is damaged .wrong checksum or size.: 5 of its messages were read')
def mcap_with_a_wrong_checksum(path):
    def damage(chunks):
        broken = bytearray(chunks[2])
        broken[-10] ^= 1  # in the text of the last message
        return [*chunks[:2], bytes(broken), chunks[3]]

    return files.mcap_of_chunks(path / 'bag.mcap', damage=damage)


@case({'/a': 8, '/b': 7}, r'bag.mcap: damaged between byte \d+ and \d+')
def mcap_with_a_damaged_length(path):
    def damage(chunks):
        return [*chunks[:2], b'\x06' + b'\xff' * 8 + chunks[2][9:], chunks[3]]

    return files.mcap_of_chunks(path / 'bag.mcap', compression='lz4', damage=damage)


@case({'/a': 10, '/b': 9}, r'damaged between byte')
def mcap_without_chunks_with_zeros_in_the_middle(path):
    messages = files.mcap_messages()
    messages[8] = bytes(len(messages[8]))
    file = path / 'bag.mcap'
    file.write_bytes(files.header() + files.DESCRIPTIONS + b''.join(messages) + files.footer())
    return file


@case({'/a': 5, '/b': 5}, 'the chunk at byte .* is compressed with .snappy.')
def mcap_with_an_unknown_compression(path):
    half = [
        files.chunk(b''.join(files.mcap_messages(ENTRIES[10:])), [START_NS + 10, START_NS + 19], 'snappy')
    ]
    data = files.header() + files.DESCRIPTIONS + b''.join(files.mcap_messages(ENTRIES[:10]))
    (path / 'bag.mcap').write_bytes(data + half[0] + files.footer())
    return path / 'bag.mcap'


@case({}, 'the database is damaged .*copy|the database is damaged .*sqlite3 FILE')
def database_that_was_cut_short(path):
    random = np.random.default_rng(0)
    entries = [('/a', START_NS + i, string(random.bytes(10_000).hex())) for i in range(50)]
    file = files.storage_of(files.folder(path / 'bag', entries))
    file.write_bytes(file.read_bytes()[:-500_000])
    return file


# Channels


@case(
    ALL, r'bag.mcap: not read, because they are not messages of ROS: /events \(json, Event\), /log \(protobuf'
)
def mcap_with_foreign_channels(path):
    foreign = (
        files.schema(2, 'Event', 'jsonschema', '{}')
        + files.channel(3, '/events', 2, 'json')
        + files.schema(3, 'foxglove.Log', 'protobuf', '')
        + files.channel(4, '/log', 3, 'protobuf')
        + files.message(3, START_NS, b'{}')
        + files.message(4, START_NS, b'\x0a\x00')
    )
    data = files.header('') + foreign + files.DESCRIPTIONS + b''.join(files.mcap_messages())
    (path / 'bag.mcap').write_bytes(data + files.footer())
    return path / 'bag.mcap'


@case({'/a': 10, '/b': 9}, r'1 messages belong to channels that the file does not describe \(id 9\)')
def mcap_with_a_message_of_an_unknown_channel(path):
    messages = files.mcap_messages()
    messages[0] = files.message(9, START_NS, string('x'))
    data = files.header() + files.DESCRIPTIONS + b''.join(messages) + files.footer()
    (path / 'bag.mcap').write_bytes(data)
    return path / 'bag.mcap'


@case({'/a': 10}, 'not read, because their message type is not recorded: /b; put the metadata.yaml')
def mcap_with_a_channel_without_type(path):
    data = files.header() + files.schema(1) + files.channel(1, '/a') + files.channel(2, '/b', 0)
    (path / 'bag.mcap').write_bytes(data + b''.join(files.mcap_messages()) + files.footer())
    return path / 'bag.mcap'


@case({'/a': 7, '/b': 10}, r'3 messages belong to topics that the file does not describe \(id 7\)')
def database_with_messages_of_an_unknown_topic(path):
    file = files.storage_of(files.folder(path / 'bag'))
    with sqlite3.connect(file) as database:
        (topic,) = database.execute("SELECT id FROM topics WHERE name = '/a'").fetchone()
        some = 'SELECT id FROM messages WHERE topic_id = ? LIMIT 3'
        database.execute(f'UPDATE messages SET topic_id = 7 WHERE id IN ({some})', (topic,))
    database.close()
    return shutil.move(file, path / 'alone.db3')


@case({'/a': 10}, r'not read, because they are not messages of ROS: /b \(cbor, std_msgs/msg/String\)')
def database_with_another_serialization_format(path):
    bag = files.folder(path / 'bag')
    with sqlite3.connect(files.storage_of(bag)) as database:
        database.execute("UPDATE topics SET serialization_format = 'cbor' WHERE name = '/b'")
    database.close()
    return bag


@case({'/a': 10, '/b': 9}, '/b: 1 of 10 messages are not valid .a message is empty')
def database_with_an_empty_message(path):
    bag = files.folder(path / 'bag')
    with sqlite3.connect(files.storage_of(bag)) as database:
        database.execute("UPDATE messages SET data = x'' WHERE id = 1")
    database.close()
    return bag


@case(ALL)
def topic_recorded_with_two_qos(path):
    bag = files.folder(path / 'bag')
    with sqlite3.connect(files.storage_of(bag)) as database:
        (number,) = database.execute("SELECT id FROM topics WHERE name = '/a'").fetchone()
        columns = 'name, type, serialization_format, offered_qos_profiles, type_description_hash'
        database.execute(f'INSERT INTO topics SELECT 99, {columns} FROM topics WHERE id = ?', (number,))
        some = 'SELECT id FROM messages WHERE topic_id = ? LIMIT 4'
        database.execute(f'UPDATE messages SET topic_id = 99 WHERE id IN ({some})', (number,))
    database.close()
    return bag


@case(
    {'/a': 10, '/b': 10},
    'bag.mcap: not read, because ROS 1 and ROS 2 differ: /c .ROS 2 has no type my_msgs/msg/Custom',
)
def mcap_of_ros1(path):
    rows = files.header('ros1') + files.schema(1, 'std_msgs/String', 'ros1msg')
    rows += files.schema(2, 'my_msgs/Custom', 'ros1msg', 'uint8 x')
    rows += files.channel(1, '/a', 1, 'ros1') + files.channel(2, 'b', 1, 'ros1')
    rows += files.channel(3, '/c', 2, 'ros1') + files.message(3, START_NS, b'\1')
    for topic, stamp_ns, cdr in ENTRIES:
        rows += files.message(1 if topic == '/a' else 2, stamp_ns, bytes(files.ROS1.cdr_to_ros1(cdr, STRING)))
    (path / 'bag.mcap').write_bytes(rows + files.footer())
    return path / 'bag.mcap'


@case({'/a': 9, '/b': 10}, '/a: 1 of 10 messages are not valid .*rosbags-convert')
def mcap_of_ros1_with_an_invalid_message(path):
    file = mcap_of_ros1(path)
    data = file.read_bytes()
    at = data.index(b'0001' * 50) - 4
    file.write_bytes(data[:at] + b'\xff\xff\0\0' + data[at + 4 :])
    return file


@case(ALL)
def ros1_bag_compressed(path):
    return files.ros1_bag(path / 'run.bag', compression=Writer1.CompressionFormat.BZ2)


@case(ALL)
def recording_with_another_suffix(path):
    file = files.storage_of(files.folder(path / 'bag', plugin=MCAP))
    return shutil.move(file, path / 'recording.dat')


@case(ALL)
def stamps_of_zero_and_below(path):
    bag = files.folder(path / 'bag')
    with sqlite3.connect(files.storage_of(bag)) as database:
        database.execute('UPDATE messages SET timestamp = timestamp - ?', (START_NS + 5,))
    database.close()
    return bag


@case(ALL)
def database_in_the_wrong_order(path):
    bag = files.folder(path / 'bag', list(reversed(ENTRIES)))
    with sqlite3.connect(files.storage_of(bag)) as database:
        database.execute('DROP INDEX timestamp_idx')
    database.close()
    return bag


@pytest.mark.parametrize('name', CASES)
def test_what_is_readable_is_read_in_order_and_the_rest_is_told(tmp_path, name):
    make, counts, lines = CASES[name]
    path = make(tmp_path)
    before = {file: file.read_bytes() for file in sorted(tmp_path.rglob('*')) if file.is_file()}
    messages, problems = read(path)
    if counts:
        assert Counter(topic.name for topic, _, _ in messages) == Counter(
            {k: v for k, v in counts.items() if v}
        )
    else:  # how much of a damaged file is readable is a matter of its library
        assert 0 < len(messages) < len(ENTRIES) or 0 < len(messages) < 50
    stamps_ns = [stamp_ns for _, stamp_ns, _ in messages]
    assert stamps_ns == sorted(stamps_ns)
    for line in lines:
        assert any(re.search(line, problem) for problem in problems), problems
    if not lines:
        assert problems == []
    assert all(0 < len(problem) < 500 for problem in problems)
    after = {file: file.read_bytes() for file in sorted(tmp_path.rglob('*')) if file.is_file()}
    assert after == before


@pytest.mark.parametrize('suffix', ['.mcap', '.db3', '.bag'])
def test_no_damage_loses_a_message_without_a_word(tmp_path, suffix):
    random = np.random.default_rng(7)
    entries = [('/a', START_NS + i, string(random.bytes(300).hex())) for i in range(50)]
    if suffix == '.bag':
        path = files.ros1_bag(tmp_path / 'bag.bag', entries)
    else:
        bag = files.folder(tmp_path / 'bag', entries, MCAP if suffix == '.mcap' else SQLITE)
        path = shutil.move(files.storage_of(bag), tmp_path / f'alone{suffix}')
    whole = path.read_bytes()
    most = 0
    for trial in range(100):
        if trial % 2:
            damaged = whole[: random.integers(len(whole))]
        else:
            damaged = bytearray(whole)
            for _ in range(8):
                damaged[random.integers(len(damaged))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            messages, problems = read(path)
        except BagError:
            continue
        assert len(messages) == len(entries) or problems
        most = max(most, len(messages))
    assert most >= 40


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', r'it is empty.*copy the file again'),
        (bytes(5000), r'it begins with zeros'),
        (b'#ROSBAG V2.0\n' + bytes(5000), r'it is a ROS 1 bag .*rosbags-convert'),
        (b'#ROSBAG V1.1\n' + bytes(50), r'old version 1.1.*rosbag fix'),
        (b'SQLite format 3\0' + bytes(5000), 'damaged|not a recording'),
        (files.header(), 'ends before the first channel'),
        (b'PK\x03\x04' + bytes(50), 'zip archive; unpack it'),
        (b'<!DOCTYPE html>', 'web page'),
        (b'\x28\xb5\x2f\xfd' + bytes(50), 'recording.mcap'),
    ],
)
def test_a_file_without_anything_to_read_is_refused_with_the_remedy_of_its_cause(tmp_path, content, words):
    (tmp_path / 'recording.mcap').write_bytes(content)
    with pytest.raises(BagError, match=words):
        BagReader(tmp_path / 'recording.mcap')


def test_a_database_that_is_no_recording_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / 'other.db3') as database:
        database.execute('CREATE TABLE parts (id INTEGER)')
    database.close()
    with pytest.raises(BagError, match='an sqlite database, but not a recording'):
        BagReader(tmp_path / 'other.db3')


def test_a_folder_without_recordings_says_what_it_contains(tmp_path):
    (tmp_path / 'notes.txt').write_text('x')
    with pytest.raises(BagError, match=r'without an .mcap, .db3 or .bag file \(it contains notes.txt\)'):
        BagReader(tmp_path)


def test_the_types_of_a_channel_come_from_metadata_if_the_file_has_none(tmp_path):
    bag = files.folder(tmp_path / 'bag', plugin=MCAP)
    data = files.header() + files.channel(1, '/a', 0) + files.channel(2, '/b', 0)
    files.storage_of(bag).write_bytes(data + b''.join(files.mcap_messages()) + files.footer())
    messages, problems = read(bag)
    assert (len(messages), problems) == (20, [])


@pytest.mark.parametrize(
    'type_name', ['std_msgs/String', 'std_msgs::msg::dds_::String_', 'std_msgs::msg::String']
)
def test_topics_and_types_of_other_recorders_get_their_names_in_ros(tmp_path, type_name):
    data = files.header('') + files.schema(1, type_name) + files.channel(1, 'rt/a') + files.channel(2, 'b')
    (tmp_path / 'bag.mcap').write_bytes(data + b''.join(files.mcap_messages()) + files.footer())
    reader = BagReader(tmp_path / 'bag.mcap')
    assert reader.topics() == [TopicInfo('/a', STRING), TopicInfo('/b', STRING)]
    reader.close()


def test_ros1_messages_with_a_header_are_converted(tmp_path):
    """The header of ROS 1 has a counter that ROS 2 has not."""
    image = files.ROS1.types['sensor_msgs/msg/Image']
    head = files.ROS1.types['std_msgs/msg/Header']
    time = files.ROS1.types['builtin_interfaces/msg/Time']
    pixels = np.arange(12, dtype=np.uint8)
    own = image(head(7, time(5, 6), 'cam'), 2, 2, 'rgb8', 0, 6, pixels)
    with Writer1(tmp_path / 'run.bag') as writer:
        connection = writer.add_connection('/image_raw', 'sensor_msgs/msg/Image', typestore=files.ROS1)
        writer.write(connection, START_NS, files.ROS1.serialize_ros1(own, 'sensor_msgs/msg/Image'))
    ((topic, stamp_ns, cdr),), problems = read(tmp_path / 'run.bag')
    assert (topic, stamp_ns, problems) == (TopicInfo('/image_raw', 'sensor_msgs/msg/Image'), START_NS, [])
    read_image = typestore().deserialize_cdr(cdr, topic.type_name)
    assert (read_image.header.stamp.sec, read_image.header.stamp.nanosec) == (5, 6)
    assert read_image.header.frame_id == 'cam'
    assert read_image.data.tolist() == pixels.tolist()


def test_a_topic_with_two_types_is_two_topics(tmp_path):
    with Writer(tmp_path / 'bag', version=9, storage_plugin=MCAP) as writer:
        for number, type_name in enumerate((STRING, 'std_msgs/msg/Header')):
            connection = writer.add_connection('/a', type_name, typestore=typestore())
            writer.write(connection, START_NS + number, string('x'))
    messages, problems = read(tmp_path / 'bag')
    assert ([topic.type_name for topic, _, _ in messages], problems) == ([STRING, 'std_msgs/msg/Header'], [])


def test_chunks_and_files_are_opened_when_their_time_has_come():
    channel = Channel('/a', STRING, 'cdr')
    opened = []

    def source(*stamps_ns):
        def open_it():
            opened.append(stamps_ns[0])
            return iter([StoredMessage(stamp_ns, channel, b'') for stamp_ns in stamps_ns])

        return stamps_ns[0], open_it

    messages = in_time_order([source(5, 9), source(1, 3, 6), source(20, 21)])
    assert [next(messages).stamp_ns for _ in range(2)] == [1, 3]
    assert opened == [1]
    assert [next(messages).stamp_ns for _ in range(3)] == [5, 6, 9]
    assert opened == [1, 5]
    assert [message.stamp_ns for message in messages] == [20, 21]
