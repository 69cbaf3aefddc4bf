"""`python -m stream_infer_ros`: the same as `stream_infer`."""

from stream_infer_ros.cli.main import main

if __name__ == '__main__':
    main()
