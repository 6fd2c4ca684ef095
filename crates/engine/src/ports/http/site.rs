//! Where the interfaces of an account are: by region and service, or all behind one endpoint.

use std::collections::BTreeMap;

use connectors::Refusal;
use model::Reason;
use reqwest::Url;

use super::sign::Told;
use crate::Error;

/// AWS's region where nothing names one; IAM and STS answer everywhere.
const REGION: &str = "us-east-1";

/// Where questions go.
pub(super) struct Site {
    region: String,
    endpoint: Option<Url>,
}

impl Site {
    /// What the source's options say, else what the usual places of configuration say.
    pub(super) fn new(options: &BTreeMap<String, String>, told: Told) -> Result<Self, Error> {
        let region = options
            .get("region")
            .cloned()
            .or(told.region)
            .unwrap_or_else(|| REGION.to_owned());
        if !is_label(&region) {
            return Err(Error::Unfit(format!(
                "expected a region such as `eu-west-1`, got `{}`",
                model::clean(&region)
            )));
        }
        let endpoint = options.get("endpoint").cloned().or(told.endpoint);
        let endpoint = endpoint.map(|text| endpoint_of(&text)).transpose()?;
        Ok(Self { region, endpoint })
    }

    /// Whether every question stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.endpoint.as_ref().is_some_and(is_loopback)
    }

    /// Where questions to `service` go, and for which region they are signed: `region`, or the
    /// source's own where that is empty.
    pub(super) fn of<'a>(
        &'a self,
        service: &str,
        region: &'a str,
    ) -> Result<(Url, &'a str), Refusal> {
        let region = if region.is_empty() {
            &self.region
        } else {
            region
        };
        // A region may be named by an answer: it is a label of a host below AWS's own names.
        if !is_label(service) || !is_label(region) {
            return Err(Refusal::new(
                Reason::Unsupported,
                "expected the name of a service of AWS and of a region",
            ));
        }
        if let Some(endpoint) = &self.endpoint {
            return Ok((endpoint.clone(), region));
        }
        let (host, region) = host(service, region);
        let url = Url::parse(&format!("https://{host}/"));
        url.map(|url| (url, region))
            .map_err(|_| Refusal::new(Reason::Failed, "this service has no address"))
    }
}

/// The host of a service, and the region it is signed for. Some services are one for each
/// partition; the others are one for each region (botocore, `endpoints.json`).
fn host<'a>(service: &str, region: &'a str) -> (String, &'a str) {
    let suffix = suffix(region);
    let [home, organization] = match region {
        _ if region.starts_with("cn-") => ["cn-north-1", "cn-northwest-1"],
        _ if region.starts_with("us-gov-") => ["us-gov-west-1"; 2],
        _ => [REGION; 2],
    };
    match (service, home) {
        ("iam", REGION) => (format!("iam.{suffix}"), home),
        ("iam", "us-gov-west-1") => (format!("iam.us-gov.{suffix}"), home),
        ("iam", home) => (format!("iam.{home}.{suffix}"), home),
        ("organizations", _) => (
            format!("organizations.{organization}.{suffix}"),
            organization,
        ),
        ("sagemaker", _) => (format!("api.sagemaker.{region}.{suffix}"), region),
        _ => (format!("{service}.{region}.{suffix}"), region),
    }
}

/// What the names of hosts in `region` end in.
pub(super) fn suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// A part of a host name: nothing that could end it or begin another.
pub(super) fn is_label(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(super) fn endpoint_of(text: &str) -> Result<Url, Error> {
    // The text itself is not repeated: it may hold a password.
    let unfit = |why: &str| {
        Error::Unfit(format!(
            "expected an endpoint such as `https://iam.example.com`: {why}"
        ))
    };
    let url = Url::parse(text).map_err(|_| unfit("this one cannot be read"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unfit("it holds a user; put credentials into a profile"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(unfit("plain http is for this machine only")),
        _ => Err(unfit("it is not https")),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse()
                .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(region: &str) -> Site {
        let options = BTreeMap::from([("region".to_owned(), region.to_owned())]);
        Site::new(&options, Told::default()).unwrap()
    }

    #[test]
    fn each_partition_has_its_own_addresses() {
        for (region, service, address, signed) in [
            (
                "eu-west-1",
                "iam",
                "https://iam.amazonaws.com/",
                "us-east-1",
            ),
            (
                "eu-west-1",
                "sts",
                "https://sts.eu-west-1.amazonaws.com/",
                "eu-west-1",
            ),
            (
                "cn-northwest-1",
                "iam",
                "https://iam.cn-north-1.amazonaws.com.cn/",
                "cn-north-1",
            ),
            (
                "us-gov-east-1",
                "iam",
                "https://iam.us-gov.amazonaws.com/",
                "us-gov-west-1",
            ),
            (
                "eu-west-1",
                "organizations",
                "https://organizations.us-east-1.amazonaws.com/",
                "us-east-1",
            ),
            (
                "eu-west-1",
                "sagemaker",
                "https://api.sagemaker.eu-west-1.amazonaws.com/",
                "eu-west-1",
            ),
            (
                "us-gov-east-1",
                "sts",
                "https://sts.us-gov-east-1.amazonaws.com/",
                "us-gov-east-1",
            ),
        ] {
            let site = site(region);
            let (url, region) = site.of(service, "").unwrap();
            assert_eq!((url.as_str(), region), (address, signed));
        }
    }

    #[test]
    fn no_name_of_a_service_or_region_leads_elsewhere() {
        for wrong in ["evil.example/", "iam@evil", "a.b", "", "IAM", "x?y"] {
            assert!(site("eu-west-1").of(wrong, "").is_err(), "{wrong}");
            let led = site("eu-west-1").of("iam", wrong).is_ok();
            assert!(!led || wrong.is_empty(), "{wrong}");
            let options = BTreeMap::from([("region".to_owned(), wrong.to_owned())]);
            assert!(Site::new(&options, Told::default()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_is_https_or_on_this_machine_and_holds_no_user() {
        for (text, fits) in [
            ("http://127.0.0.1:4566", true),
            ("http://[::1]:4566", true),
            ("http://localhost:4566", true),
            ("https://iam.example.com", true),
            ("http://169.254.169.254", false),
            ("http://iam.example.com", false),
            ("https://ann:hunter2@iam.example.com", false),
            ("ftp://127.0.0.1", false),
            ("nonsense", false),
        ] {
            let told = endpoint_of(text);
            assert_eq!(told.is_ok(), fits, "{text}");
            if let Err(error) = told {
                assert!(!error.to_string().contains("hunter2"));
            }
        }
    }
}
