"""Makes the Samba AD domain of the tests, and what is in it: samba_domain.py CONF ADDRESS"""

import logging
import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.provision import provision
from samba.samdb import SamDB

DOMAIN = "DC=keyroll,DC=test"
# What lets times of the past be written: relaxed rules, and the time of a password as given.
RELAX = ["local_oid:1.3.6.1.4.1.4203.666.5.12:0"]
PAST = [*RELAX, "local_oid:1.3.6.1.4.1.7165.4.3.20:0"]

# Bits of userAccountControl.
OFF, OPEN, NORMAL, MACHINE = 0x2, 0x20, 0x200, 0x1000
FOREVER, DELEGATES, ANY_PROTOCOL, NO_PREAUTH = 0x10000, 0x80000, 0x1000000, 0x400000

conf, address = sys.argv[1:]
params = LoadParm()
params.load(conf)
logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
provision(
    logging.getLogger("provision"),
    system_session(),
    smbconf=conf,
    lp=params,
    realm="KEYROLL.TEST",
    domain="KEYROLL",
    hostname="dc",
    hostip=address,
    serverrole="active directory domain controller",
    adminpass="Admin-of-tests-1",
    dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2,
    base_schema="2012_R2",
    dns_backend="NONE",
    use_rfc2307=True,
    # Nobody shares files here, and a temporary folder may bear no ACLs.
    skip_sysvolacl=True,
    batch_mode=True,
)
db = SamDB(url=params.private_path("sam.ldb"), lp=params, session_info=system_session())


def change(name, controls=RELAX, **values):
    message = ldb.Message(ldb.Dn(db, name))
    for attribute, value in values.items():
        attribute = attribute.replace("_", "-")
        message[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
    db.modify(message, controls)


def made(name, ou="Services", bits=NORMAL, **values):
    db.newuser(name, f"{name}-of-Tests-1", userou=f"OU={ou}")
    dn = f"CN={name},OU={ou},{DOMAIN}"
    change(dn, userAccountControl=str(bits), **values)
    return dn


def computer(name, kind="computer", **values):
    dn = f"CN={name},CN={'Managed Service Accounts' if kind != 'computer' else 'Computers'},{DOMAIN}"
    db.add({"dn": dn, "objectClass": kind, "sAMAccountName": f"{name}$", "userAccountControl": str(MACHINE), **values}, RELAX)
    return dn


def allows(trustee):
    """A security descriptor that lets TRUSTEE in, as who may act for or read a password."""
    sid = db.search(trustee, ldb.SCOPE_BASE, attrs=["objectSid"])[0]["objectSid"][0]
    sid = db.schema_format_value("objectSid", sid).decode()
    text = f"O:BAD:(A;;0xf01ff;;;{sid})"
    return ndr_pack(security.descriptor.from_sddl(text, security.dom_sid(db.get_domain_sid())))


for ou in ("Services", "People"):
    db.add({"dn": f"OU={ou},{DOMAIN}", "objectClass": "organizationalUnit"})
ann = made("ann", ou="People", mail="ann@keyroll.test")
db.newuser("reader", "Reader-of-tests-1", userou="OU=Services")
web = made(
    "svc-web",
    bits=NORMAL | FOREVER,
    servicePrincipalName=["HTTP/web.keyroll.test", "HTTP/web"],
    msDS_SupportedEncryptionTypes="4",
    description="Runs the web shop",
    manager=ann,
)
# 2023-01-02T05:04:05Z, in the units of Windows.
change(web, PAST, pwdLastSet="133171094450000000", lastLogonTimestamp="133171094450000000")
made("svc-roast", bits=NORMAL | NO_PREAUTH)
made("svc-far", bits=NORMAL | DELEGATES)
made("svc-proxy", bits=NORMAL | ANY_PROTOCOL, msDS_AllowedToDelegateTo=["cifs/files.keyroll.test"])
made("svc-open", bits=NORMAL | OPEN, description="password: svc-open-of-Tests-1")
made("svc-off", bits=NORMAL | OFF)
made("svc-brief", accountExpires="134100000000000000")
made("svc-keys", altSecurityIdentities="X509:<SHA1-PUKEY>50bf88e67522ab8ce093ce51830ab0bcf8ba7824")
files = computer("files")
change(files, msDS_AllowedToActOnBehalfOfOtherIdentity=allows(web))
computer(
    "gmsa-shop",
    kind="msDS-GroupManagedServiceAccount",
    **{"msDS-ManagedPasswordInterval": "30", "msDS-GroupMSAMembership": allows(files)},
)
db.newgroup("web-operators", groupou="OU=Services")
db.add_remove_group_members("web-operators", ["svc-web"])
db.add_remove_group_members("Domain Admins", ["web-operators"])
