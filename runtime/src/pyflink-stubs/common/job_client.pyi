from penstock.common.job_client import *
