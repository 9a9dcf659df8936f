from penstock.common.job_parameters import *
