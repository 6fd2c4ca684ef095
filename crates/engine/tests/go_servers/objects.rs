//! What is put into the cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Values of secrets in it, as they are and in base64.
pub(crate) const VALUES: &[&str] = &[
    "correct-horse-of-tests",
    "Y29ycmVjdC1ob3JzZS1vZi10ZXN0cw==",
    "bm90LWEtdG9rZW4tYXQtYWxs",
];

/// The kinds that cert-manager and External Secrets add, by the names of their definitions.
pub(crate) const DEFINED: &[&str] = &[
    "certificates.cert-manager.io",
    "issuers.cert-manager.io",
    "externalsecrets.external-secrets.io",
    "secretstores.external-secrets.io",
];

/// Their definitions, without any rule on what stands in them.
pub(crate) const DEFINITIONS: &str = include_str!("definitions.yaml");

/// Objects of every kind that is read, in `namespace`, which is in the name of those that lie in
/// none.
pub(crate) fn objects(namespace: &str) -> String {
    include_str!("objects.yaml").replace("@NAMESPACE@", namespace)
}

/// A request for a certificate of a client.
pub(crate) fn request(name: &str, pem: &[u8]) -> String {
    let request = STANDARD.encode(pem);
    format!(
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: {name}}}\n\
         spec:\n  request: {request}\n  signerName: kubernetes.io/kube-apiserver-client\n  \
         expirationSeconds: 86400\n  usages: [client auth]\n"
    )
}
