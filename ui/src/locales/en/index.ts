import app from "./app.json";
import ended from "./ended.json";
import errors from "./errors.json";
import launch from "./launch.json";
import machine from "./machine.json";
import race from "./race.json";
import ready from "./ready.json";
import receipt from "./receipt.json";
import restore from "./restore.json";

export default { app, ended, errors, launch, machine, race, ready, receipt, restore };
