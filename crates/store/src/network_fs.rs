//! File systems on which SQLite's locks cannot be trusted (ST-10).

/// The name of the network file system that `magic` (`statfs.f_type`) stands for, or `None`.
///
/// FUSE stands for local and remote ones alike, so `mounted_as`, the type in the mount table,
/// decides there; unknown ones are let through, as most are local.
pub(crate) fn network_kind(magic: u64, mounted_as: Option<&str>) -> Option<&'static str> {
    const FUSE: u64 = 0x6573_5546;
    const REMOTE: [(u64, &str); 14] = [
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
    ];
    const REMOTE_FUSE: [(&str, &str); 12] = [
        ("fuse.sshfs", "sshfs"),
        ("fuse.s3fs", "s3fs"),
        ("fuse.rclone", "rclone"),
        ("fuse.gcsfuse", "gcsfuse"),
        ("fuse.goofys", "goofys"),
        ("fuse.mount-s3", "mount-s3"),
        ("fuse.blobfuse2", "blobfuse"),
        ("fuse.glusterfs", "glusterfs"),
        ("fuse.davfs", "davfs"),
        ("fuse.juicefs", "juicefs"),
        ("fuse.seaweedfs", "seaweedfs"),
        ("fuse.smbnetfs", "smbnetfs"),
    ];
    if magic == FUSE {
        let mounted_as = mounted_as?;
        return REMOTE_FUSE
            .iter()
            .find(|(name, _)| *name == mounted_as)
            .map(|(_, kind)| *kind);
    }
    REMOTE
        .iter()
        .find(|(number, _)| *number == magic)
        .map(|(_, kind)| *kind)
}

/// The type of the mount that `path` lies on, from the text of `/proc/self/mountinfo`.
pub(crate) fn mounted_as<'t>(mountinfo: &'t str, path: &str) -> Option<&'t str> {
    let mut best: Option<(usize, &str)> = None;
    for line in mountinfo.lines() {
        let Some((place, kind)) = line.split_once(" - ") else {
            continue;
        };
        let Some(point) = place.split(' ').nth(4) else {
            continue;
        };
        let point = point.replace("\\040", " ");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        for (magic, mounted, kind) in [
            (0x6969, None, Some("nfs")),
            (0xff53_4d42, None, Some("cifs")),
            (0xfe53_4d42, None, Some("smb2")),
            (0x0102_1997, None, Some("9p")),
            (0x6573_5546, Some("fuse.sshfs"), Some("sshfs")),
            (0x6573_5546, Some("fuse.fuse-overlayfs"), None),
            (0x6573_5546, None, None),
            (0xef53, None, None),      // ext4
            (0x5846_5342, None, None), // xfs
            (0x9123_683e, None, None), // btrfs
            (0x0102_1994, None, None), // tmpfs
            (0x794c_7630, None, None), // overlay
            (0x2fc1_2fc1, None, None), // zfs
        ] {
            assert_eq!(network_kind(magic, mounted), kind, "{magic:#x}");
        }
    }

    #[test]
    fn the_longest_and_latest_mount_point_counts() {
        let table = "\
21 1 0:19 / / rw - ext4 /dev/vda rw
22 21 0:20 / /srv rw shared:1 - fuse.sshfs h: rw
23 22 0:21 / /srv/local\\040disk rw - ext4 /dev/vdb rw
24 21 0:22 / /srvx rw - nfs4 h:/ rw
";
        assert_eq!(mounted_as(table, "/srv/a.db"), Some("fuse.sshfs"));
        assert_eq!(mounted_as(table, "/srv/local disk/a.db"), Some("ext4"));
        assert_eq!(mounted_as(table, "/srvx/a.db"), Some("nfs4"));
        assert_eq!(mounted_as(table, "/tmp/a.db"), Some("ext4"));
    }
}
