//! What each service lists in a region, and what is asked of each thing in a list.
//!
//! The table is all that a service needs: answers are known by their members (`shape.rs`,
//! `services.rs`, `workloads.rs`), as those of the command line are. Forms and names of the
//! operations are those of AWS's own models.

use serde_json::{Map, Value, json};

use crate::Request;

/// How an operation is asked for.
#[derive(Debug)]
pub(super) enum Wire {
    /// JSON, with the operation in a header.
    Json(&'static str),
    /// A path that is read.
    Get(&'static [&'static str]),
    /// A path that JSON is posted to.
    Post(&'static [&'static str]),
    /// EC2's form.
    Ec2(&'static str),
}

/// How a list goes on: what its answer calls the next page, and what a question calls it.
#[derive(Debug)]
pub(super) struct Onward {
    pub(super) told: &'static str,
    pub(super) asked: &'static str,
}

pub(super) const NEXT_TOKEN: Option<Onward> = Some(Onward {
    told: "NextToken",
    asked: "NextToken",
});
const SMALL_TOKEN: Option<Onward> = Some(Onward {
    told: "nextToken",
    asked: "nextToken",
});
const NEXT_MARKER: Option<Onward> = Some(Onward {
    told: "NextMarker",
    asked: "Marker",
});
const SMALL_MARKER: Option<Onward> = Some(Onward {
    told: "nextMarker",
    asked: "marker",
});

/// One question to a service, in a region.
#[derive(Debug)]
pub(super) struct Ask {
    /// The permission it wants.
    pub(super) right: &'static str,
    /// Which service, as its address has it.
    pub(super) service: &'static str,
    pub(super) wire: Wire,
    /// What is asked beside, as JSON; for a path that is read, its parameters.
    pub(super) with: &'static str,
    pub(super) onward: Option<Onward>,
}

/// What is asked of each thing in a list.
#[derive(Debug)]
pub(super) struct Detail {
    /// Where a page holds the things, and what names each: nothing where a thing is a name.
    pub(super) of: (&'static str, &'static str),
    /// What the question calls the name; nothing where it ends the path.
    pub(super) called: &'static str,
    /// Whether all names of a page go into one question.
    pub(super) at_once: bool,
    /// Whether the name is laid into the answer, which does not repeat it.
    pub(super) laid_in: bool,
    pub(super) ask: Ask,
}

/// A list of a service, and the part of a region that it is.
#[derive(Debug)]
pub(super) struct List {
    pub(super) part: &'static str,
    pub(super) ask: Ask,
    pub(super) details: &'static [Detail],
}

impl Ask {
    /// Public parameters below a path.
    pub(super) const fn parameters() -> Self {
        json(
            "ssm:GetParametersByPath",
            "ssm",
            "AmazonSSM.GetParametersByPath",
            "{}",
            NEXT_TOKEN,
        )
    }

    /// The question in `region`, about `name` where it is about one thing.
    pub(super) fn request(&self, region: &str, named: Option<(&str, &Value)>) -> Request {
        let mut with: Map<String, Value> = serde_json::from_str(self.with).unwrap_or_default();
        let mut behind = None;
        match named {
            Some(("", name)) => behind = name.as_str(),
            Some((called, name)) => drop(with.insert(called.to_owned(), name.clone())),
            None => {}
        }
        let path = |segments: &'static [&'static str]| -> Vec<&str> {
            // A list whose path ends in a slash has it behind the name, too.
            let (slash, plain) = match segments.split_last() {
                Some((&"", plain)) => (Some(""), plain),
                _ => (None, segments),
            };
            plain.iter().copied().chain(behind).chain(slash).collect()
        };
        let request = match self.wire {
            Wire::Json(operation) => Request::json(self.service, &[], operation, with.into()),
            Wire::Post(segments) => Request::json(self.service, &path(segments), "", with.into()),
            Wire::Get(segments) => {
                let request = Request::get(&path(segments)).at(self.service);
                with.iter().fold(request, |request, (name, held)| {
                    request.parameter(name, held.as_str().unwrap_or_default())
                })
            }
            Wire::Ec2(action) => {
                Request::form("ec2", &[("Action", action), ("Version", "2016-11-15")])
                    .parameter("MaxResults", "1000")
            }
        };
        request.within(region)
    }

    /// `request` for the page at `place`.
    pub(super) fn onward(&self, mut request: Request, place: &str) -> Request {
        let Some(onward) = &self.onward else {
            return request;
        };
        match request.json.as_mut().map(|json| &mut json.body) {
            Some(Value::Object(body)) => {
                body.insert(onward.asked.to_owned(), json!(place));
                request
            }
            _ => request.parameter(onward.asked, place),
        }
    }

    /// Where the page that follows `page` begins, if one does.
    pub(super) fn place<'a>(&self, page: &'a Value) -> Option<&'a str> {
        let held = page.get(self.onward.as_ref()?.told)?.as_str()?;
        (!held.is_empty()).then_some(held)
    }
}

impl Detail {
    /// What to ask for, of one page of the list.
    pub(super) fn names(&self, page: &Value) -> Vec<Value> {
        let (list, name) = self.of;
        let things = page
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let names = things.filter_map(|thing| match name {
            "" => Some(thing),
            name => thing.get(name),
        });
        let names: Vec<Value> = names.filter(|name| name.is_string()).cloned().collect();
        match (self.at_once, names.is_empty()) {
            (true, false) => vec![Value::Array(names)],
            _ => names,
        }
    }
}

pub(super) const fn json(
    right: &'static str,
    service: &'static str,
    operation: &'static str,
    with: &'static str,
    onward: Option<Onward>,
) -> Ask {
    Ask {
        right,
        service,
        wire: Wire::Json(operation),
        with,
        onward,
    }
}

const fn get(
    right: &'static str,
    service: &'static str,
    path: &'static [&'static str],
    with: &'static str,
    onward: Option<Onward>,
) -> Ask {
    Ask {
        right,
        service,
        wire: Wire::Get(path),
        with,
        onward,
    }
}

const fn each(of: (&'static str, &'static str), called: &'static str, ask: Ask) -> Detail {
    Detail {
        of,
        called,
        at_once: false,
        laid_in: false,
        ask,
    }
}

/// What is asked of each private authority; no answer says whose it is.
const fn of_authority(called: &'static str, ask: Ask) -> Detail {
    Detail {
        of: ("CertificateAuthorities", "Arn"),
        called,
        at_once: false,
        laid_in: true,
        ask,
    }
}

/// Everything that is listed in a region, in the order in which it is asked for.
pub(super) static LISTS: &[List] = &[
    List {
        part: "secrets",
        ask: json(
            "secretsmanager:ListSecrets",
            "secretsmanager",
            "secretsmanager.ListSecrets",
            r#"{"MaxResults":100}"#,
            NEXT_TOKEN,
        ),
        details: &[],
    },
    List {
        part: "parameters",
        ask: json(
            "ssm:DescribeParameters",
            "ssm",
            "AmazonSSM.DescribeParameters",
            r#"{"MaxResults":50,"ParameterFilters":[{"Key":"Type","Option":"Equals","Values":["SecureString"]}]}"#,
            NEXT_TOKEN,
        ),
        details: &[],
    },
    List {
        part: "certificates",
        ask: json(
            "acm:ListCertificates",
            "acm",
            "CertificateManager.ListCertificates",
            // Without these the list holds RSA keys of 2,048 bits alone.
            r#"{"Includes":{"keyTypes":["RSA_1024","RSA_2048","RSA_3072","RSA_4096","EC_prime256v1","EC_secp384r1","EC_secp521r1"]},"MaxItems":1000}"#,
            NEXT_TOKEN,
        ),
        details: &[
            each(
                ("CertificateSummaryList", "CertificateArn"),
                "CertificateArn",
                json(
                    "acm:DescribeCertificate",
                    "acm",
                    "CertificateManager.DescribeCertificate",
                    "{}",
                    None,
                ),
            ),
            Detail {
                of: ("CertificateSummaryList", "CertificateArn"),
                called: "CertificateArn",
                at_once: false,
                laid_in: true,
                ask: json(
                    "acm:GetCertificate",
                    "acm",
                    "CertificateManager.GetCertificate",
                    "{}",
                    None,
                ),
            },
        ],
    },
    List {
        part: "authorities",
        ask: json(
            "acm-pca:ListCertificateAuthorities",
            "acm-pca",
            "ACMPrivateCA.ListCertificateAuthorities",
            r#"{"MaxResults":1000}"#,
            NEXT_TOKEN,
        ),
        details: &[
            of_authority(
                "CertificateAuthorityArn",
                json(
                    "acm-pca:GetCertificateAuthorityCertificate",
                    "acm-pca",
                    "ACMPrivateCA.GetCertificateAuthorityCertificate",
                    "{}",
                    None,
                ),
            ),
            of_authority(
                "CertificateAuthorityArn",
                json(
                    "acm-pca:ListPermissions",
                    "acm-pca",
                    "ACMPrivateCA.ListPermissions",
                    r#"{"MaxResults":1000}"#,
                    NEXT_TOKEN,
                ),
            ),
            of_authority(
                "ResourceArn",
                json(
                    "acm-pca:GetPolicy",
                    "acm-pca",
                    "ACMPrivateCA.GetPolicy",
                    "{}",
                    None,
                ),
            ),
        ],
    },
    List {
        part: "kms_keys",
        ask: json(
            "kms:ListKeys",
            "kms",
            "TrentService.ListKeys",
            r#"{"Limit":1000}"#,
            NEXT_MARKER,
        ),
        details: &[
            each(
                ("Keys", "KeyArn"),
                "KeyId",
                json(
                    "kms:DescribeKey",
                    "kms",
                    "TrentService.DescribeKey",
                    "{}",
                    None,
                ),
            ),
            each(
                ("Keys", "KeyArn"),
                "KeyId",
                json(
                    "kms:ListGrants",
                    "kms",
                    "TrentService.ListGrants",
                    r#"{"Limit":1000}"#,
                    NEXT_MARKER,
                ),
            ),
        ],
    },
    List {
        part: "functions",
        ask: get(
            "lambda:ListFunctions",
            "lambda",
            &["2015-03-31", "functions"],
            "{}",
            NEXT_MARKER,
        ),
        details: &[],
    },
    List {
        part: "task_definitions",
        ask: json(
            "ecs:ListTaskDefinitionFamilies",
            "ecs",
            "AmazonEC2ContainerServiceV20141113.ListTaskDefinitionFamilies",
            r#"{"maxResults":100,"status":"ACTIVE"}"#,
            SMALL_TOKEN,
        ),
        details: &[each(
            ("families", ""),
            "taskDefinition",
            json(
                "ecs:DescribeTaskDefinition",
                "ecs",
                "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition",
                "{}",
                None,
            ),
        )],
    },
    List {
        part: "build_projects",
        ask: json(
            "codebuild:ListProjects",
            "codebuild",
            "CodeBuild_20161006.ListProjects",
            "{}",
            SMALL_TOKEN,
        ),
        details: &[Detail {
            of: ("projects", ""),
            called: "names",
            at_once: true,
            laid_in: false,
            ask: json(
                "codebuild:BatchGetProjects",
                "codebuild",
                "CodeBuild_20161006.BatchGetProjects",
                "{}",
                None,
            ),
        }],
    },
    List {
        part: "build_logins",
        ask: json(
            "codebuild:ListSourceCredentials",
            "codebuild",
            "CodeBuild_20161006.ListSourceCredentials",
            "{}",
            None,
        ),
        details: &[],
    },
    List {
        part: "models",
        ask: json(
            "sagemaker:ListModels",
            "sagemaker",
            "SageMaker.ListModels",
            r#"{"MaxResults":100}"#,
            NEXT_TOKEN,
        ),
        details: &[each(
            ("Models", "ModelName"),
            "ModelName",
            json(
                "sagemaker:DescribeModel",
                "sagemaker",
                "SageMaker.DescribeModel",
                "{}",
                None,
            ),
        )],
    },
    List {
        part: "notebooks",
        ask: json(
            "sagemaker:ListNotebookInstances",
            "sagemaker",
            "SageMaker.ListNotebookInstances",
            r#"{"MaxResults":100}"#,
            NEXT_TOKEN,
        ),
        details: &[each(
            ("NotebookInstances", "NotebookInstanceName"),
            "NotebookInstanceName",
            json(
                "sagemaker:DescribeNotebookInstance",
                "sagemaker",
                "SageMaker.DescribeNotebookInstance",
                "{}",
                None,
            ),
        )],
    },
    List {
        part: "instances",
        ask: Ask {
            right: "ec2:DescribeInstances",
            service: "ec2",
            wire: Wire::Ec2("DescribeInstances"),
            with: "{}",
            onward: Some(Onward {
                told: "NextToken",
                asked: "NextToken",
            }),
        },
        details: &[],
    },
    List {
        part: "trust_anchors",
        ask: get(
            "rolesanywhere:ListTrustAnchors",
            "rolesanywhere",
            &["trustanchors"],
            "{}",
            SMALL_TOKEN,
        ),
        details: &[],
    },
    List {
        part: "trust_profiles",
        ask: get(
            "rolesanywhere:ListProfiles",
            "rolesanywhere",
            &["profiles"],
            "{}",
            SMALL_TOKEN,
        ),
        details: &[],
    },
    List {
        part: "iot_certificates",
        ask: get(
            "iot:ListCertificates",
            "iot",
            &["certificates"],
            r#"{"pageSize":"250"}"#,
            SMALL_MARKER,
        ),
        details: &[],
    },
    List {
        part: "agents",
        ask: Ask {
            right: "bedrock:ListAgents",
            service: "bedrock-agent",
            wire: Wire::Post(&["agents", ""]),
            with: r#"{"maxResults":1000}"#,
            onward: SMALL_TOKEN,
        },
        details: &[each(
            ("agentSummaries", "agentId"),
            "",
            get(
                "bedrock:GetAgent",
                "bedrock-agent",
                &["agents", ""],
                "{}",
                None,
            ),
        )],
    },
];
