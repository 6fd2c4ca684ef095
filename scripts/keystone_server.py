"""Makes, serves and fills the Keystone of the tests: keystone_server.py make|serve|fill DIR [PORT|URL]."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

ADMIN = "admin-of-tests"


def make(home):
    """Its configuration, database, keys and administrator."""
    for name in ("fernet", "credential"):
        (home / name).mkdir(mode=0o700, exist_ok=True)
    config = home / "keystone.conf"
    config.write_text(
        f"""[DEFAULT]
list_limit = 2
max_db_limit = 2
[database]
connection = sqlite:///{home}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {home}/fernet
[credential]
key_repository = {home}/credential
[cache]
enabled = false
"""
    )
    manage = [str(pathlib.Path(sys.executable).parent / "keystone-manage"), "--config-file", str(config)]
    me = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
    for task in (
        ["db_sync"],
        ["fernet_setup", *me],
        ["credential_setup", *me],
        ["bootstrap", "--bootstrap-password", ADMIN],
    ):
        subprocess.run(manage + task, check=True)


def serve(home, port):
    """Answers on loopback until it is ended."""
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(home / "keystone.conf")
    sys.argv = sys.argv[:1]  # Keystone would read what is left as its own.
    from keystone.wsgi.api import application
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, application, threaded=True)


def fill(url):
    """Users and what they log in with; prints the tokens for the tests."""

    def ask(method, path, body=None, token=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/v3/{path}", data=data, method=method)
        request.add_header("content-type", "application/json")
        if token:
            request.add_header("x-auth-token", token)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None

    def log_in(name, password, scope):
        user = {"name": name, "domain": {"id": "default"}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": scope}}
        return ask("POST", "auth/tokens", body)[0]["x-subject-token"]

    system = {"system": {"all": True}}
    token = log_in("admin", ADMIN, system)

    def made(kind, plural, **what):
        return ask("POST", plural, {kind: what}, token)[1][kind]["id"]

    project = made("project", "projects", name="shop", domain_id="default")
    roles = {one["name"]: one["id"] for one in ask("GET", "roles?limit=2", None, token)[1]["roles"]}
    for name in ("reader", "member"):
        if name not in roles:
            roles[name] = ask("GET", f"roles?name={name}", None, token)[1]["roles"][0]["id"]
    users = {
        name: made("user", "users", name=name, password=f"{name}-of-tests", enabled=enabled)
        for name, enabled in (("deploy", True), ("old", False), ("watcher", True), ("stranger", True))
    }
    for name in ("deploy", "stranger"):
        ask("PUT", f"projects/{project}/users/{users[name]}/roles/{roles['member']}", None, token)
    ask("PUT", f"system/users/{users['watcher']}/roles/{roles['reader']}", None, token)
    own = log_in("deploy", "deploy-of-tests", {"project": {"id": project}})
    for name in ("ci", "backup", "cron"):
        body = {"application_credential": {"name": name, "secret": f"{name}-secret-of-tests"}}
        ask("POST", f"users/{users['deploy']}/application_credentials", body, own)
    ask("POST", f"users/{users['deploy']}/credentials/OS-EC2", {"tenant_id": project}, token)
    watcher = log_in("watcher", "watcher-of-tests", system)
    stranger = log_in("stranger", "stranger-of-tests", {"project": {"id": project}})
    print(f"export KEYROLL_TEST_KEYSTONE_TOKEN={watcher}")
    print(f"export KEYROLL_TEST_KEYSTONE_STRANGER={stranger}")


if __name__ == "__main__":
    command, home = sys.argv[1], pathlib.Path(sys.argv[2])
    if command == "make":
        make(home)
    elif command == "serve":
        serve(home, int(sys.argv[3]))
    elif command == "fill":
        fill(sys.argv[3])
    else:
        sys.exit(__doc__)
