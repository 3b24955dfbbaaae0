#!/usr/bin/env node
/** argv → command; the only file that reads argv and the environment. */
process.stdout.write('rampd: no commands yet\n');
