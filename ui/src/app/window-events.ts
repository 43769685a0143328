// What is heard from outside the page, and what follows from it.

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { queries, refreshRecords } from "./queries";
import { useCurrentRun, useSession } from "./session";

export function useWindowEvents() {
  const session = useSession();
  const { host } = session;
  const client = useQueryClient();
  const navigate = useNavigate();
  const run = useCurrentRun();

  useEffect(() => {
    const stops = [
      host.on("runBegan", began => {
        session.setCurrent(began);
        navigate({ to: "/run/$run", params: { run: began } });
      }),
      host.on("screenAsked", screen => navigate({ to: `/${screen}` })),
      host.on("recordsChanged", () => refreshRecords(client)),
      host.on("worldChanged", async () => {
        await client.invalidateQueries();
        // An engine that is up may have come back to a run.
        const info = await client.fetchQuery({ ...queries.info(host), staleTime: 0 });
        if (info.run && session.current() === null) session.setCurrent(info.run);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [host, session, client, navigate]);

  // Losers are confirmed gone long after the race: what they cost stops then.
  useEffect(() => {
    if (!run) return;
    const store = session.run(run);
    const settled = () =>
      store.getSnapshot().view.lanes.filter(lane => lane.destroyed_confirmed).length;
    let seen = settled();
    return store.subscribe(() => {
      const now = settled();
      if (now === seen) return;
      seen = now;
      refreshRecords(client);
    });
  }, [run, session, client]);
}
