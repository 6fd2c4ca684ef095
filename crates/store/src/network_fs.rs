//! File systems on which SQLite's locks cannot be trusted (ST-10).
//!
//! The type in the mount table decides, where it is known; the kernel's number for the file system
//! decides where it is not. FUSE stands for local and remote ones alike: one that is not known to be
//! local is refused, for a new one of the cloud is likelier than a new one of the desktop.

/// What a file system is to SQLite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Its locks hold.
    Local,
    /// Other machines may write beside us; called so.
    Network(String),
    /// A program of its own serves it, and nobody knows whether it is local; called so.
    Unknown(String),
}

/// Types that other machines, or the machine around this one, write to as well, as mount tables
/// spell them. Of FUSE without the `fuse.` before it.
const REMOTE: &[&str] = &[
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fakeowner",
    "gfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncp",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "prl_fs",
    "pvfs2",
    "smb",
    "smb2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "wekafs",
];

/// Of FUSE.
const REMOTE_FUSE: &[&str] = &[
    "alluxio-fuse",
    "blobfuse",
    "blobfuse2",
    "ceph",
    "ceph-fuse",
    "cunofs",
    "curlftpfs",
    "cvmfs",
    "cvmfs2",
    "dav",
    "davfs",
    "davfs2",
    "dbxfs",
    "dfuse",
    "fuse-nfs",
    "fuse_dfs",
    "gcsfuse",
    "geesefs",
    "glusterfs",
    "google-drive-ocamlfuse",
    "goofys",
    "grpcfuse",
    "gvfsd-fuse",
    "httpdirfs",
    "ipfs",
    "jfsmount",
    "juicefs",
    "keybase",
    "kio-fuse",
    "lizardfs",
    "mfs",
    "moosefs",
    "mount-s3",
    "mountpoint-s3",
    "nfs",
    "onedriver",
    "osxfs",
    "ossfs",
    "quobyte",
    "rclone",
    "s3backer",
    "s3fs",
    "s3ql",
    "seaweedfs",
    "smbnetfs",
    "sshfs",
    "stargz",
    "tigrisfs",
    "vmhgfs-fuse",
    "weed",
    "xtreemfs",
];

/// Of FUSE, what lies on a disk of this machine, or on whatever its user laid it over.
const LOCAL_FUSE: &[&str] = &[
    "apfs",
    "bcachefs",
    "bindfs",
    "ciopfs",
    "cryfs",
    "dislocker",
    "encfs",
    "exfat",
    "exfat-fuse",
    "ext2",
    "ext4",
    "fuse-overlayfs",
    "fuse-ext2",
    "fuse2fs",
    "gocryptfs",
    "hfs",
    "lxcfs",
    "mergerfs",
    "mhddfs",
    "ntfs",
    "ntfs-3g",
    "portal",
    "securefs",
    "unionfs",
    "unionfs-fuse",
    "veracrypt",
    "zfs",
    "zfs-fuse",
];

/// The kernel's numbers (`statfs.f_type`), for a machine without a mount table.
const NUMBERS: &[(u64, &str)] = &[
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x564c, "ncp"),
    (0x7375_7245, "coda"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x0116_1970, "gfs2"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x7461_636f, "ocfs2"),
    (0x1983_0326, "beegfs"),
    (0x2003_0528, "orangefs"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0xaad7_aaea, "panfs"),
];

const FUSE: u64 = 0x6573_5546;

/// What the file system is that `magic` (`statfs.f_type`) stands for and that is mounted as the
/// type `mounted_as`, if the mount table tells.
pub(crate) fn judge(magic: u64, mounted_as: Option<&str>) -> Judged {
    let kind = mounted_as.unwrap_or_default();
    if let Some(program) = kind.strip_prefix("fuse.") {
        return match program {
            _ if LOCAL_FUSE.contains(&program) => Judged::Local,
            _ if REMOTE_FUSE.contains(&program) => Judged::Network(program.to_owned()),
            _ => Judged::Unknown(kind.to_owned()),
        };
    }
    if REMOTE.contains(&kind) {
        return Judged::Network(kind.to_owned());
    }
    if let Some((_, kind)) = NUMBERS.iter().find(|(number, _)| *number == magic) {
        return Judged::Network((*kind).to_owned());
    }
    match kind {
        // A disk of this machine, written to by a program.
        "fuseblk" => Judged::Local,
        // Some programs do not say which they are.
        "fuse" => Judged::Unknown(kind.to_owned()),
        "" if magic == FUSE => Judged::Unknown("fuse".to_owned()),
        _ => Judged::Local,
    }
}

/// The type of the mount that `path` lies on, from the text of `/proc/self/mountinfo`.
pub fn mounted_as<'t>(mountinfo: &'t str, path: &str) -> Option<&'t str> {
    let mut best: Option<(usize, &str)> = None;
    for line in mountinfo.lines() {
        let Some((place, kind)) = line.split_once(" - ") else {
            continue;
        };
        let Some(point) = place.split(' ').nth(4) else {
            continue;
        };
        let point = unescaped(point);
        let inside = path == point
            || point == "/"
            || path
                .strip_prefix(point.as_str())
                .is_some_and(|rest| rest.starts_with('/'));
        // The last of equal length: a later mount hides an earlier one.
        if inside && best.is_none_or(|(length, _)| point.len() >= length) {
            best = Some((point.len(), kind.split(' ').next().unwrap_or_default()));
        }
    }
    best.map(|(_, kind)| kind)
}

/// The kernel writes a space, a tab, a line's end and a backslash as `\` and three octal digits.
fn unescaped(point: &str) -> String {
    let mut text = String::with_capacity(point.len());
    let mut rest = point;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4);
        let byte = code.and_then(|code| u8::from_str_radix(code, 8).ok());
        match byte.filter(u8::is_ascii) {
            Some(byte) => {
                text.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            None => {
                text.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXT4: u64 = 0xef53;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        let network = |kind: &str| Judged::Network(kind.to_owned());
        let unknown = |kind: &str| Judged::Unknown(kind.to_owned());
        for (magic, mounted, judged) in [
            (0x6969, None, network("nfs")),
            (0x6969, Some("nfs4"), network("nfs4")),
            (0xff53_4d42, None, network("cifs")),
            (0xfe53_4d42, Some("smb3"), network("smb3")),
            (0x0102_1997, None, network("9p")),
            (0x00c3_6400, Some("ceph"), network("ceph")),
            (0x0bd0_0bd0, None, network("lustre")),
            (0x4750_4653, Some("gpfs"), network("gpfs")),
            // It has FUSE's number and a type of its own.
            (FUSE, Some("virtiofs"), network("virtiofs")),
            (FUSE, Some("fuse.sshfs"), network("sshfs")),
            (FUSE, Some("fuse.s3fs"), network("s3fs")),
            (FUSE, Some("fuse.rclone"), network("rclone")),
            (FUSE, Some("fuse.glusterfs"), network("glusterfs")),
            (FUSE, Some("fuse.ceph-fuse"), network("ceph-fuse")),
            (FUSE, Some("fuse.juicefs"), network("juicefs")),
            (FUSE, Some("fuse.newfs2031"), unknown("fuse.newfs2031")),
            (FUSE, Some("fuse"), unknown("fuse")),
            (FUSE, None, unknown("fuse")),
            (FUSE, Some("fuse.fuse-overlayfs"), Judged::Local),
            (FUSE, Some("fuse.gocryptfs"), Judged::Local),
            (FUSE, Some("fuseblk"), Judged::Local),
            (EXT4, Some("ext4"), Judged::Local),
            (EXT4, None, Judged::Local),
            (0x5846_5342, Some("xfs"), Judged::Local),
            (0x9123_683e, Some("btrfs"), Judged::Local),
            (0x0102_1994, Some("tmpfs"), Judged::Local),
            (0x794c_7630, Some("overlay"), Judged::Local),
            (0x2fc1_2fc1, Some("zfs"), Judged::Local),
        ] {
            assert_eq!(judge(magic, mounted), judged, "{magic:#x} {mounted:?}");
        }
    }

    #[test]
    fn no_type_is_local_and_remote_at_once() {
        for kind in LOCAL_FUSE {
            assert!(!REMOTE_FUSE.contains(kind), "{kind}");
        }
    }

    #[test]
    fn the_longest_and_latest_mount_point_counts() {
        let table = "\
21 1 0:19 / / rw - ext4 /dev/vda rw
22 21 0:20 / /srv rw shared:1 - fuse.sshfs h: rw
23 22 0:21 / /srv/local\\040disk rw - ext4 /dev/vdb rw
24 21 0:22 / /srvx rw - nfs4 h:/ rw
25 21 0:23 / /odd\\134\\011\\012 rw master:2 propagate_from:3 - 9p h rw
26 21 0:24 / /over rw - ext4 /dev/vdc rw
27 26 0:25 / /over rw - cifs //h/x rw
";
        assert_eq!(mounted_as(table, "/srv/a.db"), Some("fuse.sshfs"));
        assert_eq!(mounted_as(table, "/srv/local disk/a.db"), Some("ext4"));
        assert_eq!(mounted_as(table, "/srvx/a.db"), Some("nfs4"));
        assert_eq!(mounted_as(table, "/odd\\\t\n/a.db"), Some("9p"));
        assert_eq!(mounted_as(table, "/over/a.db"), Some("cifs"));
        assert_eq!(mounted_as(table, "/tmp/a.db"), Some("ext4"));
        assert_eq!(mounted_as("", "/tmp/a.db"), None);
        assert_eq!(mounted_as("22 21 0:20 / /srv rw\nnonsense", "/srv"), None);
    }

    #[test]
    fn what_is_no_escape_of_the_kernel_stays_as_it_is() {
        for (written, point) in [
            ("/a\\040b", "/a b"),
            ("/a\\", "/a\\"),
            ("/a\\9", "/a\\9"),
            ("/a\\999", "/a\\999"),
            ("/\\1é\\040", "/\\1é "),
            ("/\\377", "/\\377"),
        ] {
            assert_eq!(unescaped(written), point, "{written}");
        }
    }
}
