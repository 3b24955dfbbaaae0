/**
 * Property tests meet the same cases in every run, so that a run says something about the change it is a run of. Others come
 * with RAMPD_SEED=random, or the number that a failure named.
 */
import fc from 'fast-check';

const wanted = process.env['RAMPD_SEED'];
fc.configureGlobal({ seed: wanted === 'random' ? Date.now() : Number(wanted ?? 20_260_302) });
