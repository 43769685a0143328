import app from "./app.json";
import ended from "./ended.json";
import errors from "./errors.json";
import hosts from "./hosts.json";
import keys from "./keys.json";
import launch from "./launch.json";
import link from "./link.json";
import machine from "./machine.json";
import machines from "./machines.json";
import offers from "./offers.json";
import palette from "./palette.json";
import quit from "./quit.json";
import race from "./race.json";
import ready from "./ready.json";
import receipt from "./receipt.json";
import recipes from "./recipes.json";
import restore from "./restore.json";
import runs from "./runs.json";
import settings from "./settings.json";
import snapshots from "./snapshots.json";
import welcome from "./welcome.json";

export default {
  app,
  ended,
  errors,
  hosts,
  keys,
  launch,
  link,
  machine,
  machines,
  offers,
  palette,
  quit,
  race,
  ready,
  receipt,
  recipes,
  restore,
  runs,
  settings,
  snapshots,
  welcome,
};
