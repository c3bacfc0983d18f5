# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy and the kernel answer is understood, from answers that were recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError
from ansible_collections.hundred.containers.plugins.module_utils.proxy import haproxy_answers
from ansible_collections.hundred.containers.plugins.module_utils.proxy.haproxy_host import (
    configuration_files,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.http_request import parse
from ansible_collections.hundred.containers.plugins.module_utils.proxy.tcp_table import (
    ESTABLISHED,
    LISTEN,
    TcpSocket,
    parse_table,
)

PROC = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
9797            master          3 [failed: 2]   0d00h03m09s     2.6.12-1+deb12u4
# workers
21955           worker          0               0d00h00m01s     2.6.12-1+deb12u4
# old workers
21557           worker          1               0d00h00m03s     2.6.12-1+deb12u4
21400           worker          2               0d00h00m09s     2.6.12-1+deb12u4
# programs

"""


def test_the_current_worker_and_the_old_ones_are_told_apart() -> None:
    workers = haproxy_answers.parse_workers(PROC)
    assert workers == (9797, 21955, (21557, 21400), 2)
    between = PROC.replace("21955 ", "# ")
    assert haproxy_answers.parse_workers(between).current is None
    with pytest.raises(ProxyError):
        haproxy_answers.parse_workers("Unknown command\n")


STATE = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port
4 hundred_shop 1 a1 127.0.0.1 2 0 1 18101
4 hundred_shop 2 a2 fd00::2 2 8 1 18102
4 hundred_shop 3 a3 127.0.0.1 0 1 1 18103
4 hundred_shop 4 a4 127.0.0.1 0 9 1 18104

"""


def test_a_servers_state_is_what_it_was_told_to_be() -> None:
    servers = haproxy_answers.parse_servers(STATE).values()
    assert [(item.name, item.address, item.state) for item in servers] == [
        ("a1", "127.0.0.1:18101", "ready"),
        ("a2", "[fd00::2]:18102", "drain"),
        ("a3", "127.0.0.1:18103", "maint"),
        ("a4", "127.0.0.1:18104", "maint"),
    ]


STAT = """\
# pxname,svname,qcur,scur,stot,econ,eresp,status,check_status,check_code,\
hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,check_desc,mode,
hundred_shop,a1,1,2,9,1,1,UP 1/2,L7OK,200,0,4,1,2,0,"Layer7, passed",http,
hundred_db,d1,0,3,9,1,1,UP,L4OK,,,,,,,Layer4 check passed,tcp,

"""


def test_counts_are_of_what_is_at_work_and_of_what_was_answered() -> None:
    web, database = list(haproxy_answers.parse_counts(STAT).values())
    assert (web.in_flight, web.passed, web.answered, web.status) == (3, 5, 7, "UP 1/2")
    assert web.last_check == "L7OK 200 Layer7, passed"
    assert (database.in_flight, database.answered) == (3, 7)
    assert haproxy_answers.parse_counts("No such proxy.\n") == {}


def test_listeners_are_found_by_frontend_and_port() -> None:
    line = (
        "  8 : st=0x120023(Cl heopi W:sRa R:sRA) ref=0 gid=1 owner=0x55 iocb=0x5(sock_accept_iocb)"
        " l.st=RDY fe=hundred:http fam=ipv4 lport=60671\n"
        "  9 : st=0x120023(Cl heopi) iocb=0x5(sock_accept_iocb) l.st=RDY fe=GLOBAL fam=unix\n"
    )
    assert haproxy_answers.parse_listeners(line) == [("hundred:http", 60671)]


def test_a_command_line_tells_which_files_are_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    for name in ("b.cfg", "a.cfg", ".hidden.cfg", "c.txt"):
        (folder / name).touch()
    command = ["haproxy", "-Ws", "-f", "own.cfg", "-p", "/x", "-f", str(folder), "--", "/last.cfg"]
    assert configuration_files(command, "/etc") == [
        "/etc/own.cfg",
        f"{folder}/a.cfg",
        f"{folder}/b.cfg",
        "/last.cfg",
    ]
    assert configuration_files(["haproxy", "-C", "/srv", "-f", "x"], "/etc") == ["/srv/x"]


TABLE = [
    "   0: 0100007F:1F90 0500D50A:1F40 01 00000000:00000000 00:00000000 00000000     0  0 77 1",
    "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0  0 78 1",
    "   2: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000500D50A:1F40 01 "
    "00000000:00000000 00:00000000 00000000     0  0 79 1",
    "   3: 0100007F:1F90 0500D50A:1F40 06 00000000:00000000 00:00000000 00000000     0  0 0 1",
]


def test_the_kernels_table_gives_the_sockets_that_are_asked_for() -> None:
    assert list(parse_table(TABLE, {77, 79}, {ESTABLISHED})) == [
        TcpSocket(8080, "10.213.0.5:8000", ESTABLISHED, 77),
        TcpSocket(8080, "10.213.0.5:8000", ESTABLISHED, 79),
    ]
    assert [item.inode for item in parse_table(TABLE, {77, 78}, {LISTEN})] == [78]


def test_an_answer_is_taken_apart_and_anything_else_refused() -> None:
    answer = parse(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody\n")
    assert (answer.status, answer.headers["x-a"], answer.body) == (200, "2", "body\n")
    for raw in (b"", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 \r\n\r\n"):
        with pytest.raises(ValueError, match="not an HTTP answer"):
            parse(raw)
