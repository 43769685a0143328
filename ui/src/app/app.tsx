// The window with everything it stands on.

import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import type { AppInfo, Preferences } from "../bindings";
import type { Host } from "../host";
import { createPreferences, PreferencesProvider, type PreferencesStore } from "./preferences";
import { queries } from "./queries";
import { createAppRouter } from "./router";
import { createSession, type Session, SessionContext } from "./session";

export interface AppParts {
  session: Session;
  preferences: PreferencesStore;
  router: ReturnType<typeof createAppRouter>;
  client: QueryClient;
}

/** `at`: another place to begin than the window would choose, for tests. */
export function createApp(
  host: Host,
  info: AppInfo,
  preferences: Preferences,
  at: string | null = null,
): AppParts {
  const session = createSession(host);
  if (info.run) session.setCurrent(info.run);
  // The engine retries by itself and knows better when.
  const client = new QueryClient({
    defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false } },
  });
  client.setQueryData(queries.info(host).queryKey, info);
  const newcomer = !preferences.guided && info.practice && !info.practice_asked;
  const start = info.run ? `/run/${info.run}` : newcomer ? "/welcome" : "/launch";
  return {
    session,
    preferences: createPreferences(host, preferences),
    router: createAppRouter(at ?? start),
    client,
  };
}

export function App({ session, preferences, router, client }: AppParts) {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={client}>
        <SessionContext value={session}>
          <PreferencesProvider store={preferences}>
            <RouterProvider router={router} />
          </PreferencesProvider>
        </SessionContext>
      </QueryClientProvider>
    </CSPProvider>
  );
}
