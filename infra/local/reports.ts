import { runCommand } from './command.ts';
import { makeReports } from './reports/run.ts';
import { help, readReportSettings } from './reports/settings.ts';

await runCommand(
  help,
  () => readReportSettings(process.argv.slice(2), process.env),
  async (settings) => {
    await makeReports(
      settings,
      (text) => process.stdout.write(text),
      (text) => process.stderr.write(text),
    );
    return 0;
  },
);
