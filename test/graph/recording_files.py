"""Small recordings as real recorders write them, and MCAP files record by record."""

import struct
import zlib
from pathlib import Path

import lz4.frame
import yaml
from graph_messages import STRING, string
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from stream_infer_ros.messages.typestore import typestore

MAGIC = b'\x89MCAP0\r\n'
START_NS = 1_700_000_000_000_000_000
# Twenty messages of two topics in turn, of 200 bytes or more.
ENTRIES = [('/a' if i % 2 else '/b', START_NS + i, string(f'{i:04d}' * 50)) for i in range(20)]
ROS1 = get_typestore(Stores.ROS1_NOETIC)


def folder(path, entries=ENTRIES, plugin=StoragePlugin.SQLITE3, compression=None, type_name=STRING):
    """A folder with metadata.yaml, as ros2 bag record leaves it."""
    writer = Writer(path, version=9, storage_plugin=plugin)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        connections = {
            topic: writer.add_connection(topic, type_name, typestore=typestore())
            for topic in dict.fromkeys(entry[0] for entry in entries)
        }
        for topic, stamp_ns, cdr in entries:
            writer.write(connections[topic], stamp_ns, cdr)
    return path


def storage_of(bag):
    """The only storage file of a folder."""
    (file,) = (own for own in Path(bag).iterdir() if own.name != 'metadata.yaml')
    return file


def split_folder(path, plugin=StoragePlugin.SQLITE3, parts=3):
    """A folder whose messages are split into files, in the order of time."""
    path.mkdir()
    names, size = [], len(ENTRIES) // parts + 1
    for number in range(parts):
        part = folder(path / f'part{number}', ENTRIES[number * size : (number + 1) * size], plugin)
        file = storage_of(part)
        names.append(f'bag_{number}{file.suffix}')
        file.rename(path / names[-1])
        metadata = yaml.safe_load((part / 'metadata.yaml').read_text())
        (part / 'metadata.yaml').unlink()
        part.rmdir()
    whole = metadata['rosbag2_bagfile_information']
    whole['relative_file_paths'] = names
    whole['message_count'] = len(ENTRIES)
    whole['files'] = [
        {'path': name, 'message_count': len(ENTRIES[k * size : (k + 1) * size])}
        for k, name in enumerate(names)
    ]
    for entry in whole['topics_with_message_count']:
        entry['message_count'] = len(ENTRIES) // 2
    (path / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    return path


def change_metadata(bag, change):
    """Apply `change` to the contents of metadata.yaml."""
    path = bag / 'metadata.yaml'
    contents = yaml.safe_load(path.read_text())
    change(contents['rosbag2_bagfile_information'])
    path.write_text(yaml.safe_dump(contents))
    return bag


def ros1_bag(path, entries=ENTRIES, compression=None, chunk_bytes=1000):
    """A ROS 1 bag with the strings of `entries`; each chunk holds a few messages."""
    writer = Writer1(path)
    if compression is not None:
        writer.set_compression(compression)
    writer.chunk_threshold = chunk_bytes
    with writer:
        connections = {
            topic: writer.add_connection(topic, STRING, typestore=ROS1)
            for topic in dict.fromkeys(entry[0] for entry in entries)
        }
        for topic, stamp_ns, cdr in entries:
            writer.write(connections[topic], stamp_ns, ROS1.cdr_to_ros1(cdr, STRING))
    return path


def record(op, body):
    return bytes([op]) + struct.pack('<Q', len(body)) + body


def text(value):
    data = value.encode()
    return struct.pack('<I', len(data)) + data


def header(profile='ros2'):
    return MAGIC + record(1, text(profile) + text('test'))


def schema(number, name=STRING, encoding='ros2msg', definition='string data'):
    return record(3, struct.pack('<H', number) + text(name) + text(encoding) + text(definition))


def channel(number, topic, schema_number=1, encoding='cdr'):
    return record(4, struct.pack('<HH', number, schema_number) + text(topic) + text(encoding) + bytes(4))


def message(channel_number, stamp_ns, data):
    return record(5, struct.pack('<HIQQ', channel_number, 0, stamp_ns, stamp_ns) + data)


def chunk(records, stamps_ns, compression='', crc=None):
    data = lz4.frame.compress(records) if compression == 'lz4' else records
    crc = zlib.crc32(records) if crc is None else crc
    head = struct.pack('<QQQI', min(stamps_ns), max(stamps_ns), len(records), crc)
    return record(6, head + text(compression) + struct.pack('<Q', len(data)) + data)


def footer(summary_start=0):
    return record(0x0F, bytes(4)) + record(2, struct.pack('<QQI', summary_start, 0, 0)) + MAGIC


def mcap_messages(entries=ENTRIES):
    """The messages of '/a' (channel 1) and '/b' (channel 2)."""
    return [message(1 if topic == '/a' else 2, stamp_ns, cdr) for topic, stamp_ns, cdr in entries]


DESCRIPTIONS = schema(1) + channel(1, '/a') + channel(2, '/b')


def mcap_of_chunks(path, per_chunk=5, compression='', damage=None, end=True):
    """An MCAP of chunks, the first of which describes the channels. `damage` changes the list of chunks."""
    chunks = []
    for first in range(0, len(ENTRIES), per_chunk):
        part = ENTRIES[first : first + per_chunk]
        records = (DESCRIPTIONS if first == 0 else b'') + b''.join(mcap_messages(part))
        chunks.append(chunk(records, [entry[1] for entry in part], compression))
    if damage is not None:
        chunks = damage(chunks)
    path.write_bytes(header() + b''.join(chunks) + (footer() if end else b''))
    return path


def file_compressed(path, plugin=StoragePlugin.MCAP):
    return folder(path, plugin=plugin, compression=CompressionMode.FILE)


def message_compressed(path, plugin=StoragePlugin.MCAP):
    return folder(path, plugin=plugin, compression=CompressionMode.MESSAGE)
