//! Windows: scheduled tasks and services from exports, exports of the registry, answers of an
//! unattended setup, passwords in group policies, configurations of .NET and of IIS.
//!
//! A task (`windows_task`), a service (`windows_service`) and an application pool
//! (`iis_application_pool`) are identities (class workload) with `user`, `command` and
//! `account_kind`: `system`, `virtual`, `managed` (a group managed service account: its password
//! is changed by the domain), `user`. An account that is none of the system's own is an identity
//! of type `windows_account`. Where Windows keeps a password for it, that is a credential by
//! reference.

mod account;
mod dotnet;
mod policy;
mod registry;
mod service;
mod task;
mod unattend;

pub(super) use dotnet::DotnetConfig;
pub(super) use policy::GroupPolicy;
pub(super) use registry::RegistryExport;
pub(super) use service::WindowsService;
pub(super) use task::WindowsTask;
pub(super) use unattend::Unattend;
