"""Print what setup.py lists, for the Makefile and CMakeLists.txt.

usage: project.py requirements EXTRA...   the core's and the extras' requirements, one per line
       project.py scripts                 the entry points, one NAME=MODULE:FUNCTION per line
"""

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Print the asked-for list."""
    lists = runpy.run_path(str(Path(__file__).parent.parent / 'setup.py'))
    match sys.argv[1:]:
        case ['requirements', *extras]:
            lines = list(lists['INSTALL_REQUIRES'])
            for extra in extras:
                lines += lists['EXTRAS_REQUIRE'][extra]
        case ['scripts']:
            lines = [line.replace(' ', '') for line in lists['ENTRY_POINTS']['console_scripts']]
        case _:
            sys.exit(__doc__)
    print('\n'.join(lines))


if __name__ == '__main__':
    main()
