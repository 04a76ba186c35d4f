"""Print what setup.py lists, for the Makefile and CMakeLists.txt.

usage: project.py requirements NAME...   what the extras, or `core`, require, one per line
       project.py scripts                the entry points, one NAME=MODULE:FUNCTION per line
"""

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Print the asked-for list."""
    lists = runpy.run_path(str(Path(__file__).parent.parent / 'setup.py'))
    match sys.argv[1:]:
        case ['requirements', *names]:
            known = {'core': lists['INSTALL_REQUIRES'], **lists['EXTRAS_REQUIRE']}
            if unknown := sorted(set(names) - set(known)):
                sys.exit(f'no list {", ".join(unknown)}; there are {", ".join(known)}')
            lines = [line for name in names for line in known[name]]
        case ['scripts']:
            lines = [line.replace(' ', '') for line in lists['ENTRY_POINTS']['console_scripts']]
        case _:
            sys.exit(__doc__)
    print('\n'.join(lines))


if __name__ == '__main__':
    main()
