//! What programs outside the app need to reach a kept winner: its address, its
//! pinned key and the run's own (rules.md T8), and ports of it on this
//! computer (T7).

use std::net::Ipv4Addr;

use model::{AppError, Code, Endpoint, MachineId, Recipe, Route, RunId};
use remote::Connection;
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tracing::debug;

use crate::handle::Handle;
use crate::links;

/// How a kept winner is reached.
#[derive(Debug)]
pub struct Access {
    /// Which.
    pub machine: MachineId,
    /// The run that rented it.
    pub run: RunId,
    /// Where its SSH server answered just now.
    pub endpoint: Endpoint,
    /// Its pinned host key in OpenSSH form.
    pub host_key: String,
    /// The run's private key in OpenSSH form, for an agent's memory.
    pub identity: SecretString,
    /// Its public half, not to be shown (rules.md T1).
    pub public_key: String,
    /// Where work begins on it.
    pub folder: String,
}

/// A port of a machine on this computer's loopback address; it ends with this.
#[derive(Debug)]
pub struct Forward {
    /// The port here.
    pub port: u16,
    task: AbortHandle,
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Handle {
    /// How to reach a kept winner, found out by reaching it.
    ///
    /// # Errors
    /// It is no kept winner, or does not answer.
    pub async fn access(&self, machine: &MachineId) -> Result<Access, AppError> {
        let context = self.context();
        let rental = links::kept(context, machine)?;
        let connection = self.reach(machine).await?;
        let listed = match context.cloud(rental.cloud) {
            Some(cloud) => {
                cloud.show(machine).await.map_err(|error| crate::asking::cloud_error(&error))?
            }
            None => None,
        };
        let addresses = listed.map(|listed| listed.addresses).unwrap_or_default();
        let endpoint = match connection.route() {
            Route::Direct => addresses.direct.or(addresses.proxy),
            Route::Proxy => addresses.proxy.or(addresses.direct),
        };
        let endpoint = endpoint.ok_or_else(|| {
            AppError::new(Code::MachineUnreachable, format!("{machine} has no address"))
        })?;
        let identity = links::identity(context, &rental.run).await?;
        let recipe = self.recipe_of(&rental.run)?;
        let folder = recipe.map_or_else(
            || "/".to_owned(),
            |recipe| recipe.paths.into_iter().next().unwrap_or(recipe.target),
        );
        Ok(Access {
            machine: machine.clone(),
            run: rental.run,
            endpoint,
            host_key: rental.host_key.unwrap_or_default(),
            public_key: identity.public(),
            identity: identity
                .to_secret()
                .map_err(|error| AppError::new(Code::MachineUnreachable, error.to_string()))?,
            folder,
        })
    }

    /// Puts a port of a kept winner on 127.0.0.1 of this computer: the same
    /// port where it is free, else one the system picks.
    ///
    /// # Errors
    /// It is no kept winner, does not answer, or no port is free here.
    pub async fn forward(&self, machine: &MachineId, port: u16) -> Result<Forward, AppError> {
        self.reach(machine).await?;
        let here = Ipv4Addr::LOCALHOST;
        let listener = match TcpListener::bind((here, port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((here, 0)).await.map_err(|error| {
                AppError::new(Code::Internal, format!("listen on this computer: {error}"))
            })?,
        };
        let local = listener.local_addr().map_err(|error| {
            AppError::new(Code::Internal, format!("listen on this computer: {error}"))
        })?;
        let (handle, machine) = (self.clone(), machine.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handle, machine) = (handle.clone(), machine.clone());
                tokio::spawn(async move {
                    if let Err(error) = carry(&handle, &machine, port, stream).await {
                        debug!(%machine, port, %error, "a forwarded connection ended");
                    }
                });
            }
        });
        Ok(Forward { port: local.port(), task: task.abort_handle() })
    }

    /// What a run was launched with.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn recipe_of(&self, run: &RunId) -> Result<Option<Recipe>, AppError> {
        Ok(self.context().ledger.run(run)?.map(|row| row.recipe))
    }

    async fn reach(&self, machine: &MachineId) -> Result<Connection, AppError> {
        let context = self.context();
        links::kept(context, machine)?;
        let link = context.links.of(machine).await;
        link.lock().await.connection(context, machine).await
    }
}

async fn carry(
    handle: &Handle,
    machine: &MachineId,
    port: u16,
    mut stream: TcpStream,
) -> Result<(), AppError> {
    let broken =
        |error: &dyn std::fmt::Display| AppError::new(Code::MachineUnreachable, error.to_string());
    let connection = handle.reach(machine).await?;
    let mut far = connection.open_port(port).await.map_err(|error| broken(&error))?;
    tokio::io::copy_bidirectional(&mut stream, &mut far).await.map_err(|error| broken(&error))?;
    Ok(())
}
