// The window with everything it stands on.

import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import type { RunId } from "../bindings";
import type { Host } from "../host";
import { createAppRouter } from "./router";
import { createSession, type Session, SessionContext } from "./session";

export interface AppParts {
  session: Session;
  router: ReturnType<typeof createAppRouter>;
  client: QueryClient;
}

/** `run`: the run that is going on when the window opens. */
export function createApp(host: Host, run: RunId | null): AppParts {
  const session = createSession(host);
  if (run) session.setCurrent(run);
  return {
    session,
    router: createAppRouter(run ? `/run/${run}` : "/launch"),
    // The engine retries by itself and knows better when.
    client: new QueryClient({
      defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false } },
    }),
  };
}

export function App({ session, router, client }: AppParts) {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={client}>
        <SessionContext value={session}>
          <RouterProvider router={router} />
        </SessionContext>
      </QueryClientProvider>
    </CSPProvider>
  );
}
