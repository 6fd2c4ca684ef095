//! Lists of leavers in both forms.

use super::*;

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn left(text: &str) -> Vec<String> {
    let list = read(text.as_bytes(), now()).unwrap();
    list.left.into_iter().map(|person| person.id).collect()
}

#[test]
fn whoever_is_on_a_list_has_left_and_whoever_leaves_later_has_not() {
    let list = "Name;E-Mail;Last day\nAnn;Ann@X.com;2026-02-27\nBob;bob@x.com;2026-03-31\nCleo;cleo@x.com;\n";
    assert_eq!(left(list), ["ann@x.com", "cleo@x.com"]);
}

#[test]
fn a_list_of_everybody_tells_by_its_status() {
    let list = "email,status\nann@x.com,Terminated\nbob@x.com,active\ncleo@x.com,sabbatical\n";
    assert_eq!(left(list), ["ann@x.com"]);
    let read = read(list.as_bytes(), now()).unwrap();
    assert_eq!((read.staying, read.trouble.len()), (1, 1), "{read:?}");
}

#[test]
fn user_names_alone_are_enough_where_each_is_of_one_person() {
    assert_eq!(
        left("username;last day\nALee;2026-02-27\nbob;2026-03-31\n"),
        ["alee"]
    );
    assert_eq!(
        left("login,name\nann,Ann Lee\nann,Ann Lee\n"),
        ["ann", "ann"]
    );
    for (text, told) in [
        ("login,name\nann,Ann Lee\nann,Ann Berg\n", "two people"),
        ("user\nAnn Lee\n", "without blanks"),
        ("name\nAnn Lee\n", "`email` or `username`"),
    ] {
        let refused = read(text.as_bytes(), now()).unwrap_err();
        assert!(refused.contains(told), "{text}: {refused}");
        assert!(!refused.to_lowercase().contains("ann"), "{refused}");
    }
    // Beside addresses a user name is another name and tells nobody apart.
    let list = "email,login\na@x.com,ann\nb@x.com,ann\n";
    assert_eq!(left(list), ["a@x.com", "b@x.com"]);
}

#[test]
fn who_also_stands_there_as_staying_is_not_gone_and_that_is_said() {
    for list in [
        "username,status\nalee,terminated\nalee,active\nbob,left\n",
        "username,status\nalee,active\nbob,left\nalee,terminated\n",
    ] {
        assert_eq!(left(list), ["bob"]);
        let read = read(list.as_bytes(), now()).unwrap();
        assert!(read.trouble[0].contains("1 lines"), "{read:?}");
    }
}

/// RFC 7644 section 3.4.2; `active`: RFC 7643 section 4.1.1.
#[test]
fn of_users_of_scim_those_switched_off_have_left() {
    let list = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":3,
      "Resources":[
        {"userName":"alee","active":false,"emails":[{"value":"home@y.com"},{"value":"Ann@x.com","primary":true}]},
        {"userName":"bob@x.com","active":true},
        {"userName":"cleo@x.com","active":"False"}]}"#;
    let read = read(list.as_bytes(), now()).unwrap();
    assert_eq!(left(list), ["ann@x.com", "cleo@x.com"]);
    assert_eq!(read.left[0].others, ["home@y.com", "alee"]);
    assert_eq!((read.staying, read.trouble.len()), (1, 0), "{read:?}");
}

#[test]
fn a_page_of_users_is_not_taken_for_all_of_them() {
    let list = r#"{"totalResults":200,"Resources":[{"userName":"ann@x.com","active":false}]}"#;
    let read = read(list.as_bytes(), now()).unwrap();
    assert!(read.trouble[0].contains("1 of 200"), "{read:?}");
}

#[test]
fn a_file_that_is_no_list_is_refused_without_repeating_it() {
    for text in ["", "a,b\n1,2\n", "{\"x", "hello secret", "\u{0}\u{1}"] {
        let told = read(text.as_bytes(), now());
        assert!(!told.is_ok_and(|list| list.trouble.is_empty()), "{text}");
    }
}
